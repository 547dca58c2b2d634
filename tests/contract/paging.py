"""Lists read page by page."""


async def pages(store, name, *arguments, limit=2, **options):
    """Every row, page by page; no page is longer than it may be, and none comes twice."""
    rows, place = [], None
    for _ in range(200):
        async with store.read() as work:
            lists = getattr(work.lists, name)
            page = await lists(*arguments, after=place, limit=limit, **options)
        assert len(page.rows) <= limit
        rows += page.rows
        place = page.next
        if place is None:
            return rows
    raise AssertionError("the list has no end")
