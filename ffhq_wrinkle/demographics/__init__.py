"""Demographics: who is in a set of faces, by labels that others or a model gave them.

The modules read in the order data moves, each importing only from those before it, and from the
package around: `groups`, `label_tables`, `race_table`, `race_model`, `race`, `id_sets`, `shares`,
`composition`, `composition_tables`, `bars`, `composition_report`, `strata`, `sample`.

The labels are guesses about people who were not asked. They describe a set, never a person.
"""
