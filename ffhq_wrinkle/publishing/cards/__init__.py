"""Cards: what a reader must know about a published data set or network, from recorded figures."""
