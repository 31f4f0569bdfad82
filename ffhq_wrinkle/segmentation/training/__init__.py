"""Training: a recipe and data, stage by stage, to networks and their test scores.

In order, each importing only from those before it: `recipes`, `initial`, `losses`,
`weighted_supervision`, `schedule`, `training_set`, `loader`, `processes`, `synced_norm`,
`stage_state`, `sheets`, `objectives`, `trainer`, `run_folder`, `preparation`,
`tensorboard_events`, `stop_signals`, `final_scores`, `training`.
"""
