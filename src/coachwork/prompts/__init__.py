"""Prompts as Markdown files, and structured output that is right or refused. The names other rooms may use."""

from coachwork.prompts.prompt import Prompt, prompt

__all__ = ["Prompt", "prompt"]
