"""Elements of a page under test, found by what a person reads."""


def widget(kind, label: str):
    return next(element for element in kind if element.label == label)


def messages(app) -> str:
    kinds = (app.error, app.warning, app.info, app.caption, app.markdown, app.toast)
    return "\n".join(element.value.replace("\\", "") for kind in kinds for element in kind)


def progress_text(app) -> str:
    return app.get("progress")[0].proto.text.replace("\\", "")


def press(app, label: str):
    """Click the first button with this label; return the page after it."""
    return widget(app.button, label).click().run()


def values(app) -> dict[str, str]:
    """The numbers that the page shows with a name: name → number."""
    return {metric.label: metric.value for metric in app.metric}


def caption(app, words: str) -> str:
    """The first caption with these words."""
    return next(found.value for found in app.caption if words in found.value)
