"""The HTTP application of a project: what wraps every request, and which paths there are. Two lists to read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Route

from coachwork.app.project import Project
from coachwork.server import (
    api_app,
    api_approvals,
    api_batches,
    api_forks,
    api_health,
    api_knowledge,
    api_models,
    api_prompts,
    api_runs,
    api_schedules,
    api_search,
    api_spend,
    api_uploads,
    decide,
)
from coachwork.server.a2a_endpoint import A2aEndpoint
from coachwork.server.limits import BodyLimit
from coachwork.server.mcp_endpoint import McpEndpoint
from coachwork.server.openapi import PROBLEM
from coachwork.server.pages import STATIC, Pages
from coachwork.server.problems import HANDLERS, CatchBugs
from coachwork.server.security import HostCheck, SameOrigin, SecurityHeaders
from coachwork.server.served import Served
from coachwork.server.version import VERSION

ROUTERS = (
    api_app.router,  # /api/app, /api/openapi.json
    api_forks.router,  # /api/runs/{id}/fork, /api/runs/{a}/compare/{b}
    api_runs.router,  # /api/pipelines/{name}/runs, /api/runs
    api_batches.uploads,  # POST /api/pipelines/{name}/batches
    api_batches.router,  # /api/batches
    api_schedules.router,  # /api/schedules
    api_approvals.router,  # /api/approvals
    api_knowledge.router,  # /api/knowledge
    api_uploads.router,  # PUT and DELETE /api/knowledge/{name}/files, /api/knowledge/{name}/ingest
    api_search.router,  # /api/knowledge/{name}/search, explain, passages
    api_models.router,  # /api/models
    api_prompts.router,  # /api/prompts
    api_spend.router,  # /api/spend, /api/budgets
    api_health.router,  # /api/health
    decide.router,  # /decide/{token}, without a login
)


def create_app(project: Project, *, static: Path = STATIC) -> FastAPI:
    """The application of a loaded project; its lifespan starts and stops the engine. `static` holds the built page."""
    settings = project.settings.server
    app = FastAPI(
        title=project.app.title,
        version=VERSION,
        lifespan=_lifespan,
        openapi_url=None,  # our own, with the pipelines' types: api_app.py
        docs_url=None,  # would load its script from another host
        redoc_url=None,
        redirect_slashes=False,
        responses=PROBLEM,
        exception_handlers=HANDLERS,
        middleware=[  # the first is the outermost
            Middleware(SecurityHeaders),
            Middleware(CatchBugs),
            Middleware(HostCheck, configured=settings.host),
            Middleware(SameOrigin),
            Middleware(BodyLimit, max_mb=settings.max_body_mb),
        ],
    )
    app.state.served, app.state.mcp = Served(project), McpEndpoint()
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.append(Route("/mcp", app.state.mcp))  # for programs that speak MCP
    app.router.routes.extend(A2aEndpoint().routes())  # /.well-known/agent-card.json, /a2a: for agents that speak A2A
    app.router.default = Pages(static)  # every other address
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    from coachwork.app.runtime import Runtime

    served: Served = app.state.served
    mcp: McpEndpoint = app.state.mcp
    try:
        async with Runtime(served.project) as served.runtime:
            yield
            await mcp.close()
            await served.ingests.close()
    except BaseException as error:
        served.failure = error
        raise
    finally:
        served.runtime = None
