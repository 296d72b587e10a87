"""The hello-world of pydantic-ai: https://ai.pydantic.dev/#hello-world-example.

The last lines of the page, which run it, stand under `__main__`; nothing else is changed but the model's name.
"""

from pydantic_ai import Agent

agent = Agent(
    "anthropic:claude-haiku-4-5",
    instructions="Be concise, reply with one sentence.",
    defer_model_check=True,  # the key is looked for when it is asked, so that the project loads without it
)

if __name__ == "__main__":
    print(agent.run_sync('Where does "hello world" come from?').output)
