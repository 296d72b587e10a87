"""The hello-world of CrewAI, its quick start with the crew in code: https://docs.crewai.com/concepts/tasks.

The last lines of the page, which run it, stand under `__main__`.
"""

from crewai import Agent, Crew, Process, Task

researcher = Agent(
    role="{topic} Senior Data Researcher",
    goal="Uncover cutting-edge developments in {topic}",
    backstory="You're a seasoned researcher with a knack for uncovering the latest developments in {topic}.",
    llm="openai/gpt-5-mini",
)

research_task = Task(
    description="Conduct a thorough research about {topic}. Make sure you find any interesting information.",
    expected_output="A list with 10 bullet points of the most relevant information about {topic}",
    agent=researcher,
)

crew = Crew(agents=[researcher], tasks=[research_task], process=Process.sequential)
streaming = Crew(agents=[researcher], tasks=[research_task], stream=True)  # learn/streaming-crew-execution

if __name__ == "__main__":
    print(crew.kickoff(inputs={"topic": "AI Agents"}))
