"""Drives the registry's approval protocol with the Databricks SDK for Python.

Usage: databricks_client.py <host> <model> <version> <token>. The model version must exist at stage None.
"""

import sys

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.ml import HttpUrlSpec, RegistryWebhookEvent, RegistryWebhookStatus


def step(text: str) -> None:
    print(f"ok  {text}", flush=True)


def main() -> None:
    host, model, version, token = sys.argv[1:]
    registry = WorkspaceClient(host=host, token=token).model_registry

    comment = registry.create_comment(model, version, "looks good").comment
    assert comment.comment == "looks good", comment
    assert registry.update_comment(comment.id, "looks very good").comment.comment == "looks very good"
    registry.delete_comment(comment.id)
    step("a comment is made, changed and deleted")

    asked = registry.create_transition_request(model, version, "Archived", comment="no longer wanted").request
    assert asked.to_stage == "Archived", asked
    open_requests = list(registry.list_transition_requests(model, version))
    assert [r.to_stage for r in open_requests] == ["Archived"], open_requests
    registry.delete_transition_request(model, version, "Archived", creator=open_requests[0].user_id)
    assert list(registry.list_transition_requests(model, version)) == []
    step("a transition request is made, listed and withdrawn")

    registry.create_transition_request(model, version, "Archived", comment="again")
    activity = registry.approve_transition_request(model, version, "Archived", False, comment="agreed").activity
    assert activity.to_stage == "Archived", activity
    step("a transition request is approved")

    details = registry.get_model(model).registered_model_databricks
    assert details.name == model, details
    assert model in [m.name for m in registry.list_models()]
    step("models are read and listed")

    webhook = registry.create_webhook(
        [RegistryWebhookEvent.MODEL_VERSION_CREATED],
        model_name=model,
        status=RegistryWebhookStatus.DISABLED,
        http_url_spec=HttpUrlSpec(url="https://example.org/hook", secret="s3cret"),
    ).webhook
    listed = list(registry.list_webhooks(model_name=model))
    assert [w.id for w in listed] == [webhook.id] and "s3cret" not in str(listed), listed
    registry.delete_webhook(id=webhook.id)
    step("a webhook is made, listed without its secret, and deleted")


main()
