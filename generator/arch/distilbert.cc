// DistilBERT: BERT without token types, under other names; from Hugging Face folders. Its GGUF
// files are of architecture bert.

#include <string>
#include <utility>

#include "generator/arch/encoder_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/sentence_folder.h"

namespace footnote::generator {

StatusOr<Network> BuildDistilBert(const WeightSource& source) {
  ConfigReader config(source, "");
  PostNormEncoderSpec spec;
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("n_layers", 6));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.SizeOr("dim", 768));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("n_heads", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.SizeOr("hidden_dim", 3072));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.SizeOr("max_position_embeddings", 512));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 30522));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.gelu, ReadGelu(config, "activation"));
  spec.norm_epsilon = 1e-12f;  // the model's code knows no other
  // The table holds the sines where a checkpoint has them.
  constexpr std::string_view kUnused[] = {"dropout", "qa_dropout", "seq_classif_dropout",
                                          "sinusoidal_pos_embds"};
  config.Ignore(kUnused);
  IgnoreEncoderKeys(config);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));

  TensorReader tensors(source);
  const std::string prefix =
      EncoderPrefix(tensors, "distilbert", "embeddings.word_embeddings.weight");
  const std::string p = prefix + "embeddings.";
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.token_embedding,
      tensors.Matrix(p + "word_embeddings.weight", shape.vocabulary_size, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.position_embedding,
      tensors.Matrix(p + "position_embeddings.weight", shape.context_tokens, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm, ReadNorm(tensors, p + "LayerNorm", shape.width));
  for (int64_t i = 0; i < shape.layers; ++i) {
    const std::string n = prefix + "transformer.layer." + std::to_string(i) + ".";
    const EncoderLayerNames names = {n + "attention.q_lin", n + "attention.k_lin",
                                     n + "attention.v_lin", n + "attention.out_lin",
                                     n + "sa_layer_norm",   n + "ffn.lin1",
                                     n + "ffn.lin2",        n + "output_layer_norm"};
    FOOTNOTE_ASSIGN_OR_RETURN(PostNormEncoderLayer layer, ReadEncoderLayer(tensors, names, shape));
    spec.layers.push_back(std::move(layer));
  }
  const HeadTask task = HeadTaskOf(source);
  ClassifierSpec& head = spec.classifier;
  if (task != HeadTask::kNone) {
    head.per_token = task == HeadTask::kTokens;
    head.activation = head.per_token ? HeadActivation::kNone : HeadActivation::kRelu;
    FOOTNOTE_RETURN_IF_ERROR(ReadHead(tensors, source, shape.width,
                                      head.per_token ? "" : "pre_classifier", "classifier", head));
  }
  FOOTNOTE_RETURN_IF_ERROR(tensors.CheckAllTaken(
      {"vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "pre_classifier.",
       "classifier.", "qa_outputs.", "embeddings.position_ids"}));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.pooling,
                            ReadSentenceFolder(source.description(), spec.shape.width));
  Network network;
  network.shape = shape;
  network.encoder = MakePostNormEncoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
