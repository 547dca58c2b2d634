"""Charts of characters."""

from voltkeep.cli.chart import chart


def test_a_rising_line_fills_from_the_right():
    assert chart([(0, 0), (1, 1), (2, 2), (3, 3)], width=4, height=2) == ["  ▃█", " ▅██"]


def test_a_gap_shows_the_last_value_known():
    assert chart([(0, 8), (9, 8)], width=10, height=1) == ["█" * 10]


def test_the_highest_line_is_full_only_at_the_peak():
    lines = chart([(0, 100), (1, 50), (2, 25), (3, 0)], width=4, height=4)

    assert [line.count("█") for line in lines] == [1, 1, 2, 3]


def test_what_has_no_length_or_no_height_is_no_chart():
    assert chart([], width=10, height=3) == []
    assert chart([(0, 5)], width=10, height=3) == []
    assert chart([(0, 5), (0, 6)], width=10, height=3) == []
    assert chart([(0, 0), (1, 0)], width=10, height=3) == []


def test_a_negative_value_is_drawn_as_none():
    assert chart([(0, -5), (1, 5)], width=2, height=1) == [" █"]
