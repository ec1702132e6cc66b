#!/usr/bin/env python3
"""Exports MiniLM's encoder to ONNX in float32, as it is and with ONNX Runtime's fusions for BERT.

usage: export_onnx.py --model DIR --out DIR      writes DIR/minilm-plain.onnx and DIR/minilm-fused.onnx
"""

import argparse
import pathlib

import onnxruntime.transformers.optimizer
import torch
import transformers


class Encoder(torch.nn.Module):
    """Token states alone: pooling is done outside, as sentence-transformers does."""

    def __init__(self, model):
        super().__init__()
        self._model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self._model(input_ids=input_ids, attention_mask=attention_mask,
                           token_type_ids=token_type_ids).last_hidden_state


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    # The fusions know attention as this exporter writes out the eager one; of the newer exporter's graphs they know less.
    model = transformers.AutoModel.from_pretrained(options.model, attn_implementation="eager",
                                                   dtype=torch.float32).eval()
    ids = torch.randint(1000, 2000, (2, 16))
    names = ["input_ids", "attention_mask", "token_type_ids"]
    free = {0: "batch", 1: "tokens"}
    plain = options.out / "minilm-plain.onnx"
    torch.onnx.export(Encoder(model), (ids, torch.ones_like(ids), torch.zeros_like(ids)), str(plain), input_names=names,
                      output_names=["token_states"], dynamic_axes={name: free for name in [*names, "token_states"]},
                      opset_version=17, dynamo=False)
    config = model.config
    fused = onnxruntime.transformers.optimizer.optimize_model(
        str(plain), model_type="bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size, opt_level=1)
    counts = {name: count for name, count in fused.get_fused_operator_statistics().items() if count}
    print(f"fused operators: {counts}")
    if counts.get("Attention") != config.num_hidden_layers:
        raise SystemExit("ONNX Runtime did not fuse the attention of every layer: it would be measured below its best")
    fused.save_model_to_file(str(options.out / "minilm-fused.onnx"))


if __name__ == "__main__":
    main()
