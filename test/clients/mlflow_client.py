"""Drives a registry with MLflow's own Python client: what a data scientist does with it in a day.

Usage: mlflow_client.py <tracking uri>. Prints one line a step; any answer that is not as MLflow's own server would
give it ends the program with a traceback.
"""

import os
import sys
import tempfile

import mlflow
import mlflow.onnx
import numpy as np
import onnx
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from onnx import TensorProto, helper

FEATURES = 3
SIGNATURE = ModelSignature(
    inputs=Schema([TensorSpec(np.dtype("float32"), (-1, FEATURES))]),
    outputs=Schema([TensorSpec(np.dtype("float32"), (-1, 1))]),
)


def step(text: str) -> None:
    print(f"ok  {text}", flush=True)


def linear_model() -> onnx.ModelProto:
    """y = x . [1, 2, 3], as ONNX."""
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [FEATURES, 1], [1.0, 2.0, 3.0])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def log_a_run(client: MlflowClient) -> str:
    mlflow.set_experiment("smoke")
    with mlflow.start_run(run_name="first", tags={"team": "flights"}) as run:
        mlflow.log_params({"depth": 6, "rate": 0.1, "long": "x" * 500})
        for i in range(20):
            mlflow.log_metric("loss", 1.0 / (i + 1), step=i)
        mlflow.log_metrics({"auc": 0.7, "nothing": float("nan")})
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_dict({"a": 1}, "facts.json")
    again = client.get_run(run.info.run_id)
    assert again.info.status == "FINISHED" and again.info.run_name == "first", again.info
    assert again.data.params["depth"] == "6" and again.data.metrics["auc"] == 0.7, again.data
    assert again.data.tags["team"] == "flights"
    assert abs(again.data.metrics["loss"] - 1 / 20) < 1e-12
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [m.step for m in history] == list(range(20)), history
    assert sorted(f.path for f in client.list_artifacts(run.info.run_id)) == ["facts.json", "notes"]
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/hello.txt") == "hello"
    step("a run with params, a metric history and artifacts reads back as written")
    return run.info.run_id


def log_and_register(client: MlflowClient) -> None:
    x = np.array([[1, 1, 1], [0, 1, 0]], dtype=np.float32)
    with mlflow.start_run(run_name="with a model"):
        logged = mlflow.onnx.log_model(
            linear_model(), name="model", signature=SIGNATURE, registered_model_name="smoke-model"
        )
    step(f"an ONNX model is logged and registered ({logged.model_uri})")
    version = client.search_model_versions("name='smoke-model'")[0]
    assert version.version in (1, "1") and version.status == "READY", version
    client.set_registered_model_alias("smoke-model", "challenger", "1")
    client.set_model_version_tag("smoke-model", "1", "checked", "yes")
    client.update_model_version("smoke-model", "1", description="a line")
    for uri in ("models:/smoke-model/1", "models:/smoke-model@challenger", "models:/smoke-model/latest", logged.model_uri):
        model = mlflow.pyfunc.load_model(uri)
        prediction = np.asarray(list(model.predict(x).values())[0]).reshape(-1)
        assert np.allclose(prediction, [6, 2]), (uri, prediction)
    assert isinstance(mlflow.onnx.load_model("models:/smoke-model/1"), onnx.ModelProto)
    read = client.get_model_version("smoke-model", "1")
    assert read.tags["checked"] == "yes" and read.description == "a line" and read.aliases == ["challenger"], read
    step("by version, alias, latest and run it loads back and predicts")


def search(client: MlflowClient, run_id: str) -> None:
    experiment = client.get_experiment_by_name("smoke")
    found = client.search_runs([experiment.experiment_id], "metrics.auc > 0.6 and params.depth = '6'")
    assert [r.info.run_id for r in found] == [run_id], found
    assert client.search_runs([experiment.experiment_id], "metrics.auc > 0.8") == []
    named = client.search_registered_models("name ILIKE 'SMOKE%'")
    assert [m.name for m in named] == ["smoke-model"], named
    frame = mlflow.search_runs(experiment_names=["smoke"], order_by=["metrics.auc DESC"])
    assert frame.loc[0, "run_id"] == run_id
    step("searches find what they should and nothing else")


def errors(client: MlflowClient) -> None:
    for attempt, code in (
        (lambda: client.get_run("f" * 32), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.get_model_version("smoke-model", "99"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda: client.create_registered_model("smoke-model"), "RESOURCE_ALREADY_EXISTS"),
        (lambda: client.search_runs(["0"], "metrics.auc > 'a'"), "INVALID_PARAMETER_VALUE"),
    ):
        try:
            attempt()
        except MlflowException as error:
            assert error.error_code == code, (error.error_code, code)
        else:
            raise AssertionError(f"expected {code}")
    step("mistakes are answered with MLflow's error codes")


def main() -> None:
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
    mlflow.set_tracking_uri(sys.argv[1])
    client = MlflowClient()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run_id = log_a_run(client)
        log_and_register(client)
        search(client, run_id)
        errors(client)


main()
