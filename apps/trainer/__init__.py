"""The protocol server: files, fine-tuning jobs, models and chat as the `openai` SDK expects them, under /trainer/v1/.

It follows the published description (tests hold every answer against it) and differs where it must:

- A paused job says `paused`, which the description's list of states forgot.
- `trained_tokens` is tokens x epochs, the protocol's rule for billing; the engine recall itself reads the file once.
- Accuracy is of whole answers, also in the result file's column `valid_mean_token_accuracy`; losses stay empty.
- Engines keep no checkpoints: their list is empty, and their permissions are answered with 404.
- Only the method `supervised`; no integrations, no stored chats, one answer (`n`) per call. `response_format`,
  `temperature`, `logprobs` and the like are taken and change nothing: answers are remembered, not generated.
- Files and models lie unencrypted below MEDIA_ROOT and VAR_DIR; web and worker must share both folders.
"""
