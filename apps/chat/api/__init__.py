"""The gateway's endpoints: `gateway` speaks OpenAI's protocol under /v1/, `runs` and `conversations` our own."""
