"""Elements of a page under test, found by what a person reads."""


def widget(kind, label: str):
    return next(element for element in kind if element.label == label)


def messages(app) -> str:
    kinds = (app.error, app.warning, app.info, app.caption, app.markdown, app.toast)
    return "\n".join(element.value.replace("\\", "") for kind in kinds for element in kind)


def progress_text(app) -> str:
    return app.get("progress")[0].proto.text.replace("\\", "")
