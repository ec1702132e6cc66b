// BERT encoders: all-MiniLM, bge, e5 and the like, from Hugging Face folders and GGUF files, with
// the heads of BertForSequenceClassification (cross-encoders) and BertForTokenClassification.
// ELECTRA's are the same under other names. A GGUF of this name may also hold a RoBERTa or XLM-R:
// its table of positions is cut so that they begin at 0.

#include <string>
#include <utility>

#include "generator/arch/encoder_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/sentence_folder.h"

namespace footnote::generator {
namespace {

EncoderLayerNames GgufNames(int64_t layer) {
  const std::string p = "blk." + std::to_string(layer) + ".";
  return {p + "attn_q",           p + "attn_k", p + "attn_v",   p + "attn_output",
          p + "attn_output_norm", p + "ffn_up", p + "ffn_down", p + "layer_output_norm"};
}

Status ReadHuggingFace(const WeightSource& source, bool electra, PostNormEncoderSpec& spec) {
  ConfigReader config(source, "");
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("num_hidden_layers", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.SizeOr("hidden_size", electra ? 256 : 768));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("num_attention_heads", electra ? 4 : 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width,
                            config.SizeOr("intermediate_size", electra ? 1024 : 3072));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.SizeOr("max_position_embeddings", 512));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 30522));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t types, config.SizeOr("type_vocab_size", 2));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon, config.PositiveOr("layer_norm_eps", 1e-12));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_ASSIGN_OR_RETURN(spec.gelu, ReadGelu(config, "hidden_act"));
  int64_t embedding_width = shape.width;
  if (electra) {
    FOOTNOTE_ASSIGN_OR_RETURN(embedding_width, config.SizeOr("embedding_size", 128));
    // How ELECTRA's heads for choices sum up a text.
    constexpr std::string_view kSummary[] = {"summary_activation", "summary_last_dropout",
                                             "summary_type", "summary_use_proj"};
    config.Ignore(kSummary);
  }
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("position_embedding_type", "absolute"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("is_decoder", false));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("add_cross_attention", false));
  IgnoreEncoderKeys(config);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));

  TensorReader tensors(source);
  const std::string prefix =
      EncoderPrefix(tensors, electra ? "electra" : "bert", "embeddings.word_embeddings.weight");
  const std::string p = prefix + "embeddings.";
  const auto table = [&](const char* name, int64_t rows) {
    return tensors.Matrix(p + name + ".weight", rows, embedding_width);
  };
  FOOTNOTE_ASSIGN_OR_RETURN(spec.token_embedding, table("word_embeddings", shape.vocabulary_size));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.type_embedding, table("token_type_embeddings", types));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.position_embedding,
                            table("position_embeddings", shape.context_tokens));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm,
                            ReadNorm(tensors, p + "LayerNorm", embedding_width));
  if (embedding_width != shape.width) {
    const std::string name = prefix + "embeddings_project";
    FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_projection,
                              tensors.Matrix(name + ".weight", shape.width, embedding_width));
    FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_projection_bias,
                              tensors.Vector(name + ".bias", shape.width));
  }
  for (int64_t i = 0; i < shape.layers; ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(PostNormEncoderLayer layer,
                              ReadEncoderLayer(tensors, BertLayerNames(prefix, i), shape));
    spec.layers.push_back(std::move(layer));
  }
  const HeadTask task = HeadTaskOf(source);
  ClassifierSpec& head = spec.classifier;
  if (task == HeadTask::kTokens) {
    head.per_token = true;
    FOOTNOTE_RETURN_IF_ERROR(ReadHead(tensors, source, shape.width, "", "classifier", head));
  } else if (task == HeadTask::kSequences) {
    head.activation = electra ? HeadActivation::kGeluErf : HeadActivation::kTanh;
    FOOTNOTE_RETURN_IF_ERROR(ReadHead(tensors, source, shape.width,
                                      electra ? "classifier.dense" : "bert.pooler.dense",
                                      electra ? "classifier.out_proj" : "classifier", head));
  }
  // Heads for other tasks, and a table of the numbers 0, 1, 2….
  FOOTNOTE_RETURN_IF_ERROR(tensors.CheckAllTaken(
      {"pooler.dense.", "cls.", "classifier.", "qa_outputs.", "generator_predictions.",
       "generator_lm_head.", "discriminator_predictions.", "embeddings.position_ids"}));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.pooling,
                            ReadSentenceFolder(source.description(), spec.shape.width));
  return OkStatus();
}

Status ReadGguf(const WeightSource& source, PostNormEncoderSpec& spec) {
  ConfigReader config(source, "bert.");
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("block_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("embedding_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("attention.head_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.Size("feed_forward_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("context_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size,
                            config.SizeOr("vocab_size", GgufRows(source, "token_embd.weight")));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon,
                            config.PositiveOr("attention.layer_norm_epsilon", 1e-12));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("attention.causal", false));
  TensorReader tensors(source);
  FOOTNOTE_RETURN_IF_ERROR(
      ReadGgufOutput(config, tensors, shape.width, spec.pooling, spec.classifier));
  // llama.cpp's converter leaves out the layer before BERT's labels, so that they mean nothing;
  // that of RoBERTa's family it keeps.
  if (!spec.classifier.dense) spec.classifier = {};
  spec.classifier.activation = HeadActivation::kTanh;
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));
  FOOTNOTE_RETURN_IF_ERROR(CheckGgufHeads(config, shape));
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());

  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.token_embedding,
      tensors.Matrix("token_embd.weight", shape.vocabulary_size, shape.width));
  if (const int64_t types = GgufRows(source, "token_types.weight"); types > 0) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.type_embedding,
                              tensors.Table("token_types.weight", types, shape.width));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.position_embedding,
      tensors.Matrix("position_embd.weight", shape.context_tokens, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm, ReadNorm(tensors, "token_embd_norm", shape.width));
  for (int64_t i = 0; i < shape.layers; ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(PostNormEncoderLayer layer,
                              ReadEncoderLayer(tensors, GgufNames(i), shape));
    spec.layers.push_back(std::move(layer));
  }
  return tensors.CheckAllTaken({"cls.", "cls_"});
}

StatusOr<Network> Built(PostNormEncoderSpec spec) {
  Network network;
  network.shape = spec.shape;
  network.encoder = MakePostNormEncoder(std::move(spec));
  return network;
}

}  // namespace

StatusOr<Network> BuildBert(const WeightSource& source) {
  PostNormEncoderSpec spec;
  FOOTNOTE_RETURN_IF_ERROR(source.format() == WeightFormat::kGguf
                               ? ReadGguf(source, spec)
                               : ReadHuggingFace(source, /*electra=*/false, spec));
  return Built(std::move(spec));
}

StatusOr<Network> BuildElectra(const WeightSource& source) {
  PostNormEncoderSpec spec;
  FOOTNOTE_RETURN_IF_ERROR(ReadHuggingFace(source, /*electra=*/true, spec));
  return Built(std::move(spec));
}

}  // namespace footnote::generator
