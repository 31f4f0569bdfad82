"""Writers: one module for each tool, from masks to the files that it takes as a first version."""
