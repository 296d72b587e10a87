"""Agents: prompts that may use tools, inside limits that hold. Nothing heavy is imported before one works."""

from coachwork.agents.a2a import RemoteAgent
from coachwork.agents.agent import Agent
from coachwork.agents.limits import Limits, together
from coachwork.agents.mcp import McpServer
from coachwork.agents.memory import Memory
from coachwork.agents.outcome import Outcome
from coachwork.agents.tool import tool
from coachwork.agents.web import Web

__all__ = ["Agent", "Limits", "McpServer", "Memory", "Outcome", "RemoteAgent", "Web", "together", "tool"]
