"""The hello-world of LangChain: https://docs.langchain.com/oss/python/langchain/overview, and a chain of its parts.

The last lines of the page, which run it, stand under `__main__`; nothing else is changed but the model's name.
"""

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate


def get_weather(city: str) -> str:
    """Get weather for a given city."""
    return f"It's always sunny in {city}!"


agent = create_agent(
    model="openai:gpt-5-mini",
    tools=[get_weather],
    system_prompt="You are a helpful assistant",
)

chain = (
    ChatPromptTemplate.from_template("Tell me a joke about {topic}")
    | init_chat_model("openai:gpt-5-mini")
    | StrOutputParser()
)

if __name__ == "__main__":
    print(agent.invoke({"messages": [{"role": "user", "content": "what is the weather in sf"}]}))
