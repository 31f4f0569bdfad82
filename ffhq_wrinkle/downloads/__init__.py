"""Downloads: FFHQ's photographs, and what was published with the paper, verified and resumable.

The modules read in the order data moves, each importing only from those before it, and from the
package around: `verification`, `answers`, `transfer`, `archives`, `archive_places`, `metadata`,
`image_sources`, `ledger`, `licence`, `data_set`, `download`.
"""
