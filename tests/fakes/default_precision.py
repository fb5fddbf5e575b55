"""OpenVINO as it starts when nobody names a precision, in a row that is called fp32."""

import dataclasses

import openvino

from deploybench.exporters.variants import openvino_fp32


def load(artifact, threads):
    request = openvino.Core().compile_model(artifact / "model.xml", "CPU").create_infer_request()
    names = [port.any_name for port in request.model_inputs]

    def predict(input_ids, attention_mask):
        feed = {"input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": 0 * input_ids}
        return request.infer({name: feed[name] for name in names})["logits"]

    return predict


VARIANT = dataclasses.replace(openvino_fp32.VARIANT, load=load)
