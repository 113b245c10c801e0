import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpt import CorpusError, load_run
from gpt.model.config import RopeScaling
from gpt.train import __main__ as command

ROOT = Path(__file__).parents[3]


@pytest.fixture
def own_text(tmp_path, corpus) -> Path:
    path = tmp_path / "own.txt"
    path.write_text(corpus.text, encoding="utf-8")
    return path


@pytest.fixture
def main(monkeypatch, capsys):
    """Run the command in this process: arguments → (exit code, what it printed, what it complained of)."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gpt.train", *map(str, arguments)])
        try:
            code = command.main()
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


def test_a_shell_trains_a_preset(tmp_path):
    folder = tmp_path / "mine"
    arguments = ["--preset", "rung-1", "--steps", "20", "--seed", "5", "--device", "cpu", "--run", folder]
    done = subprocess.run(
        [sys.executable, "-m", "gpt.train", *arguments], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{folder}: finished at step 20, validation loss 4." in done.stdout
    assert "20/20" in done.stderr and "Traceback" not in done.stderr
    run = load_run(folder)
    assert run.recipe.steps == 20 and run.recipe.seed == 5 and run.steps[-1] == 20
    assert run.tokenizer.vocab_size == 65 and run.recipe.text == "tinyshakespeare"


def test_a_model_of_today_trains_by_its_switches(main, own_text, tmp_path):
    switches = {
        "n_layer": "1", "n_head": "4", "n_embd": "16", "block_size": "16", "positions": "rotary", "rope_base": "500",
        "rope_share": "0.5", "rope_scaling": '{"kind": "linear", "factor": 2}', "norm": "rms", "norm_eps": "1e-6",
        "gated": "true", "activation": "silu", "n_kv_head": "2", "d_head": "8", "mlp_width": "24", "qk_norm": "true",
        "parallel": "true", "window": "8", "softcap": "30", "bias": "false", "optimizer": "muon", "eval_batches": "1",
        "batch_size": "2",
    }  # fmt: skip
    chosen = [part for name, value in switches.items() for part in ("--set", f"{name}={value}")]
    folder = tmp_path / "mine"
    code, printed, complaint = main("--preset", "rung-6", "--steps", "3", "--text", own_text, "--run", folder, *chosen)
    assert code == 0 and "finished at step 3" in printed, complaint
    config = load_run(folder).recipe.model
    assert config.rope_scaling == RopeScaling("linear", 2)
    sizes = (config.n_kv_head, config.d_head, config.mlp_width, config.n_turned, config.window, config.softcap)
    assert sizes == (2, 8, 24, 4, 8, 30)
    code, printed, _ = main("--fork", folder, "--run", tmp_path / "fork", "--set", "window=null", "--steps", "5")
    assert code == 0 and load_run(tmp_path / "fork").recipe.model.window is None


def test_a_run_is_never_made_twice_but_resumes(main, own_text, tmp_path):
    folder = tmp_path / "mine"
    arguments = ("--preset", "rung-1", "--steps", "3", "--text", own_text, "--run", folder)
    assert main(*arguments)[:2] == (0, f"{folder}: finished at step 3, {_val_loss(folder)}\n")
    code, _, complaint = main(*arguments)
    assert code == 1 and complaint.startswith(f"error: {str(folder)!r} is not empty")
    assert complaint.endswith(f"go on with: python -m gpt.train --resume {folder}\n") and complaint.count("\n") == 1
    load_run(folder).stop_request.touch()
    assert main("--resume", folder)[:2] == (0, f"{folder}: finished at step 3, {_val_loss(folder)}\n")


def _val_loss(folder: Path) -> str:
    return f"validation loss {load_run(folder).metrics()[-1]['val_loss']:.4f}"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "one of the arguments --preset --resume --fork is required"),
        (["--preset", "rung-99"], 2, "invalid choice: 'rung-99' (choose from"),
        (["--preset", "rung-1", "--steps", "many"], 2, "invalid int value: 'many'"),
        (["--preset", "rung-1", "--device", "abacus"], 2, "invalid choice: 'abacus'"),
        (["--preset", "rung-1", "--threads", "0"], 2, "--threads 0: give at least 1"),
        (["--preset", "rung-1", "--resume", "x"], 2, "not allowed with argument"),
        (["--resume", "x", "--steps", "5"], 2, "leave out --run, --text, --steps, --seed and --set"),
        (["--preset", "rung-1", "--at", "5"], 2, "--at is the snapshot that --fork begins with"),
        (["--fork", "x"], 2, "give its folder with --run"),
        (["--fork", "x", "--run", "y"], 1, "error: 'x' is no run"),
        (["--preset", "rung-1", "--accumulate", "0"], 2, "--accumulate 0: give at least 1"),
        (["--preset", "rung-1", "--set", "lr"], 2, "write SWITCH=VALUE"),
        (["--preset", "rung-1", "--set", "wings=2"], 1, "error: neither Recipe nor GPTConfig has a field 'wings'"),
        (["--preset", "rung-1", "--set", "dropout=often"], 1, "error: GPTConfig.dropout='often' does not work"),
        (["--preset", "rung-6", "--set", "n_kv_head=3"], 1, "n_kv_head=3 does not work: n_head=4 must be a multiple"),
        (["--preset", "rung-6", "--set", "rope_scaling=linear"], 1, "rope_scaling='linear' does not work: give"),
        (["--preset", "rung-6", "--set", 'rope_scaling={"factor": 2}'], 1, "rope_scaling needs kind and factor"),
        (["--preset", "rung-6", "--set", 'rope_scaling={"kind": "yarn", "factor": 2}'], 1, "kind='yarn' does not work"),
        (["--preset", "rung-1", "--steps", "0"], 1, "error: Recipe.steps=0 does not work: give a whole number"),
        (["--preset", "rung-1", "--seed", "-1"], 1, "error: Recipe.seed=-1 does not work"),
        (["--preset", "rung-1", "--text", "nowhere.txt"], 1, "error: 'nowhere.txt' is neither a known text nor a file"),
        (["--resume", "nowhere"], 1, "error: 'nowhere' is no run"),
        (["--preset", "rung-1", "--text", "repeats", "--run", "/proc/run"], 1, "error: "),
        (["--preset", "rung-1", "--text", "repeats", "--run", "/dev/null/run"], 1,
            "error: '/dev/null/run' is not empty or no folder"),
    ],
)  # fmt: skip
def test_mistakes_are_reported_in_one_line(main, monkeypatch, tmp_path, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    found, printed, complaint = main(*arguments)
    assert found == code and message in complaint and printed == ""
    assert "Traceback" not in complaint and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_leaves_no_folder(main, monkeypatch, tmp_path, device):
    monkeypatch.setattr(f"torch.{'cuda' if device == 'cuda' else 'backends.mps'}.is_available", lambda: False)
    code, _, complaint = main("--preset", "rung-1", "--text", "repeats", "--device", device, "--run", tmp_path / "mine")
    assert code == 1 and f"there is no {device!r} device here" in complaint and not (tmp_path / "mine").exists()


def test_the_keyboard_stops_it_at_any_moment(main, monkeypatch, own_text, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    folder = tmp_path / "mine"
    with monkeypatch.context() as patch:
        patch.setattr(command, "open_run", interrupt)
        assert main("--preset", "rung-1")[::2] == (130, "stopped\n")
    with monkeypatch.context() as patch:
        patch.setattr("gpt.train.loop.Trainer.advance", interrupt)
        code, _, complaint = main("--preset", "rung-1", "--text", own_text, "--run", folder)
    assert code == 130 and complaint.endswith(f"stopped; go on with: python -m gpt.train --resume {folder}\n")
    assert load_run(folder).status.state == "stopped"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--set", "block_size=64"], "error: the text has 126 characters; block_size=64 needs at least 641"),
        (["--accumulate", "40"], "error: a batch of 32 cannot be shared by 1 processes in 40 parts each"),
        (["--set", "norm=batch", "--accumulate", "4"], "error: norm='batch' cannot train in 4 parts"),
        (["--set", "objective=translation"], "error: line 1 of the text is"),
    ],
)
def test_a_command_that_fails_leaves_no_folder_and_can_be_repeated(main, tmp_path, options, why):
    (tmp_path / "own.txt").write_text(("to be or not to be, that is the question " * 4)[:126])
    command = ("--preset", "rung-2", "--steps", "2", "--text", tmp_path / "own.txt", "--run", tmp_path / "mine")
    code, _, complaint = main(*command, *options)
    assert code == 1 and complaint.startswith(why) and complaint.count("\n") == 1
    assert not (tmp_path / "mine").exists()
    assert main(*command, "--set", "block_size=8")[0] == 0


@pytest.mark.parametrize(
    ("switch", "name", "value"),
    [
        ("causal=False", "causal", False), ("causal=false", "causal", False), ("residual=True", "residual", True),
        ("grad_clip=None", "grad_clip", None), ("grad_clip=null", "grad_clip", None), ("lr=1e-3", "lr", 1e-3),
        ("lr=.5", "lr", 0.5),
        ("batch_size=1_0", "batch_size", 10), ("norm=none", "norm", "none"),
        ("norm='post'", "norm", "post"), ("about=a (b", "about", "a (b"),
    ],
)  # fmt: skip
def test_switches_are_read_as_json_or_as_python(switch, name, value):
    options = command.parse(["--preset", "nanogpt-cpu", "--set", switch])
    assert options.set == [(name, value)]
    recipe = command.PRESETS["nanogpt-cpu"].changed(**dict(options.set))
    assert getattr(recipe, name, getattr(recipe.model, name, None)) == value


def test_a_run_outside_of_the_apps_folder_says_where_to_look(main, monkeypatch, own_text, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ATTENTION_EXPLORER_RUNS", raising=False)
    making = ("--preset", "rung-1", "--steps", "1", "--text", own_text, "--run")
    code, _, complaint = main(*making, tmp_path / "elsewhere" / "mine")
    assert code == 0
    assert f"the app lists the runs in {tmp_path / 'runs'}; to see this one, start it with " in complaint
    assert f"start it with ATTENTION_EXPLORER_RUNS={tmp_path / 'elsewhere'}\n" in complaint
    assert "the app lists" not in main(*making, Path("runs") / "mine")[2]
    monkeypatch.setenv("ATTENTION_EXPLORER_RUNS", str(tmp_path / "elsewhere"))
    assert "the app lists" not in main(*making, tmp_path / "elsewhere" / "other")[2]


def test_a_missing_text_is_reported(main, monkeypatch, own_text, tmp_path):
    folder = tmp_path / "mine"
    assert main("--preset", "rung-1", "--steps", "2", "--text", own_text, "--run", folder)[0] == 0
    (folder / "text.txt").unlink()
    with pytest.raises(CorpusError):
        load_run(folder).corpus()
    code, _, complaint = main("--resume", folder)
    assert code == 1 and "error: 'own' is no known text, and run 'mine' has no text.txt" in complaint


@pytest.mark.parametrize(
    ("preset", "switch", "unit"),
    [
        ("rung-2", "n_embd=100000000", "TB of memory"), ("rung-2", "n_layer=1000000000", "TB of memory"),
        ("rung-2", "block_size=1000000000", "TB of memory"), ("shakespeare-char", "batch_size=1000000", "TB of memory"),
        ("rung-2", "eval_batches=1000000000", "days here"), ("rung-2", "steps=1000000000000000",
            "(years here|TB on disk)"),
    ],
)  # fmt: skip
def test_what_this_machine_cannot_train_is_refused_before_a_folder_is_made(
    main, tmp_path, preset, switch, unit, own_text
):
    code, _, complaint = main("--preset", preset, "--set", switch, "--text", own_text, "--run", tmp_path / "mine")
    assert code == 1 and re.match(rf"error: .* parameters .* {unit}.*Give ", complaint), complaint
    assert not (tmp_path / "mine").exists()


def test_the_size_and_the_time_are_said_at_the_start(main, tmp_path, own_text):
    code, _, complaint = main("--preset", "rung-1", "--steps", "2", "--text", own_text, "--run", tmp_path / "mine")
    assert code == 0 and re.search(
        r"mine: [\d,]+ parameters; training takes about \d+ MB of memory, .* on disk and .* second", complaint
    )


def test_the_clock_goes_on_while_nothing_else_does():
    redrawn = threading.Event()
    with command.ticking(SimpleNamespace(refresh=redrawn.set)):
        assert redrawn.wait(60)


@pytest.mark.parametrize(
    ("most", "flops", "threads", "words"),
    [
        (1, 10**8, 1, "1 thread"),
        (1, 10**12, 1, "1 thread"),
        (2, 10**8, 1, "1 thread (2 are slower at this size)"),
        (2, 10**12, 2, "2 threads that sleep while they wait"),
        (8, 3 * 10**10, 3, "3 threads that sleep while they wait (8 are slower at this size)"),
    ],
)
def test_threads_are_chosen_by_the_size_of_a_step(most, flops, threads, words):
    assert command.choose_threads(most, flops) == (threads, words)


@pytest.mark.skipif(sys.platform == "win32", reason="the process is not started again there")
def test_several_threads_sleep_while_they_wait(own_text, tmp_path):
    """OpenMP prints the settings that it has read."""
    environment = {name: value for name, value in os.environ.items() if name != command.WAITING} | {
        "OMP_DISPLAY_ENV": "true"
    }
    line = [sys.executable, "-m", "gpt.train", "--preset", "rung-1", "--steps", "3", "--text", own_text]
    done = subprocess.run(
        [*map(str, line), "--run", str(tmp_path / "mine"), "--threads", "2"],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "finished at step 3" in done.stdout and "1 thread (2 are slower at this size)" in done.stderr
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr.split("OPENMP DISPLAY ENVIRONMENT BEGIN")[-1]
