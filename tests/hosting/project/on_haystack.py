"""A Haystack pipeline whose model has no limit of its answer, and one that has."""

from haystack import Pipeline
from haystack.components.generators.chat import OpenAIChatGenerator

boundless, bounded = Pipeline(), Pipeline()
boundless.add_component("llm", OpenAIChatGenerator(model="gpt-5-mini"))
bounded.add_component("llm", OpenAIChatGenerator(model="gpt-5-mini", generation_kwargs={"max_completion_tokens": 200}))
