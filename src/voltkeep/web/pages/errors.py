"""Errors as people see them: a page that says what to do, or the way to the sign-in."""

from typing import Any
from urllib.parse import quote

from litestar import Response
from litestar.response import Redirect

from voltkeep.web.pages.rendering import address_of, is_part, page, wants_page
from voltkeep.web.problems import Asked, details_of, note, problem_of, told


def shown(request: Asked, error: Exception) -> Response[Any]:
    """Answer an error, as a page where one was asked for. For an exception handler of Litestar."""
    if not wants_page(request) or is_part(request):  # a page that is open keeps what it shows
        return told(request, error)
    problem = problem_of(error)
    note(request, error, problem)
    if problem.code == "password-change-needed" and request.method == "GET":
        return Redirect("/account", status_code=303)
    if problem.status == 401 and request.method == "GET":
        back = quote(address_of(request), safe="")
        return Redirect(f"/sign-in?return_to={back}", status_code=303)
    details = details_of(problem, request.url.path)
    return page(request, "problem.html", status=problem.status, problem=details)
