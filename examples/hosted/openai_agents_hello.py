"""The hello-world of the OpenAI Agents SDK: https://openai.github.io/openai-agents-python/#hello-world-example.

The last lines of the page, which run it, stand under `__main__`; nothing else is changed.
"""

from agents import Agent, Runner

agent = Agent(name="Assistant", instructions="You are a helpful assistant")

if __name__ == "__main__":
    print(Runner.run_sync(agent, "Write a haiku about recursion in programming.").final_output)
