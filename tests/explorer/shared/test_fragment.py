"""Parts of a page that rerun by themselves: what Streamlit sends of a page, taken as a slow browser gets it."""

import pytest
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from explorer.train import jobs


@pytest.fixture
def sent(monkeypatch):
    """Every message of the pages that are opened."""
    messages = []
    monkeypatch.setattr(ForwardMsgQueue, "_before_enqueue_msg", messages.append)
    return messages


@pytest.mark.parametrize("page", ["train", "runs", "timetravel", "race", "compare"])
def test_what_a_part_drops_when_it_reruns_leaves_no_hole(open_app, sent, monkeypatch, page):
    monkeypatch.setattr(jobs, "slots", lambda: 0)
    app = open_app(run="tiny")
    sent.clear()
    assert not app.switch_page(f"../pages/{page}.py").run().exception
    deltas = [message for message in sent if message.HasField("delta")]
    parts = {message.delta.fragment_id for message in deltas} - {""}
    assert parts
    for part in parts:
        queue = ForwardMsgQueue()
        for message in deltas:
            queue.enqueue(message)
        queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[part])
        placed = set()
        for message in queue.flush():
            *parent, index = message.metadata.delta_path
            assert index == 0 or (*parent, index - 1) in placed, f"{list(message.metadata.delta_path)} has no place"
            assert len(parent) == 1 or tuple(parent) in placed
            placed.add((*parent, index))
