"""A moment of the lecture's video on the page. The browser asks its host for nothing until the person opens it."""

import streamlit as st

from explorer import state
from explorer.shared.fragment import fragment
from explorer.shared.widgets import lecture_link

PLAYER = "https://www.youtube-nocookie.com/embed/kCc8FmEb1nY"
WIDTH, HEIGHT = 640, 360  # pixels


def offer_video(name: str, time: str, text: str) -> None:
    """Draw a text with a button that opens the video at a time, and the player once it is open.

    name: of this chapter; text: Markdown.
    """
    fragment(_draw, name, time, text)


def player_address(time: str) -> str:
    """Return the address of the player at a time, h:mm:ss.

    >>> player_address("1:02:00")
    'https://www.youtube-nocookie.com/embed/kCc8FmEb1nY?start=3720'
    """
    hours, minutes, seconds = map(int, time.split(":"))
    return f"{PLAYER}?start={3600 * hours + 60 * minutes + seconds}"


def _draw(name: str, time: str, text: str) -> None:
    key = f"video:{name}"
    is_open = state.recall(key, False)
    label, icon = ("Close the video", "close") if is_open else (f"Watch {time} here", "smart_display")
    help = None if is_open else "Opens a player of youtube-nocookie.com. Nothing is loaded from there before."
    look = {"icon": f":material/{icon}:", "type": "tertiary", "key": f"{key}:toggle", "help": help}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(text, width="content")
        st.button(label, on_click=state.remember, args=(key, not is_open), **look)
    if is_open:
        st.iframe(player_address(time), width=WIDTH, height=HEIGHT, alt=f"The lecture's video from {time}")
        st.caption(f"The video needs a network. If the player stays empty, open {lecture_link(time)}.")
