// RoBERTa, XLM-RoBERTa (multilingual e5, bge-m3 and their rerankers) and CamemBERT: BERT with
// positions that count from the padding token's id + 1, and heads of their own; from Hugging Face
// folders. Their GGUF files are of architecture bert.

#include <string>
#include <utility>

#include "generator/arch/encoder_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/sentence_folder.h"

namespace footnote::generator {

StatusOr<Network> BuildRoberta(const WeightSource& source) {
  ConfigReader config(source, "");
  PostNormEncoderSpec spec;
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string name, ArchitectureName(source));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("num_hidden_layers", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.SizeOr("hidden_size", 768));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("num_attention_heads", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.SizeOr("intermediate_size", 3072));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t positions, config.SizeOr("max_position_embeddings", 512));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size,
                            config.SizeOr("vocab_size", name == "roberta" ? 50265 : 30522));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t types, config.SizeOr("type_vocab_size", 2));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon, config.PositiveOr("layer_norm_eps", 1e-12));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_ASSIGN_OR_RETURN(spec.gelu, ReadGelu(config, "hidden_act"));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.padding_id, source.GetIntOr("pad_token_id", 1));
  shape.context_tokens = positions - spec.padding_id - 1;
  if (spec.padding_id < 0 || shape.context_tokens < 1) {
    return InvalidArgumentError(config.Describe("pad_token_id") + " is " +
                                std::to_string(spec.padding_id) + ", and positions begin behind " +
                                "it; max_position_embeddings is only " + std::to_string(positions));
  }
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("position_embedding_type", "absolute"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("is_decoder", false));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("add_cross_attention", false));
  IgnoreEncoderKeys(config);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));

  TensorReader tensors(source);
  const std::string prefix = EncoderPrefix(tensors, "roberta", "embeddings.word_embeddings.weight");
  const std::string p = prefix + "embeddings.";
  const auto table = [&](const char* which, int64_t rows) {
    return tensors.Matrix(p + which + ".weight", rows, shape.width);
  };
  FOOTNOTE_ASSIGN_OR_RETURN(spec.token_embedding, table("word_embeddings", shape.vocabulary_size));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.type_embedding, table("token_type_embeddings", types));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.position_embedding, table("position_embeddings", positions));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm, ReadNorm(tensors, p + "LayerNorm", shape.width));
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
    head.activation = HeadActivation::kTanh;
    FOOTNOTE_RETURN_IF_ERROR(
        ReadHead(tensors, source, shape.width, "classifier.dense", "classifier.out_proj", head));
  }
  FOOTNOTE_RETURN_IF_ERROR(tensors.CheckAllTaken(
      {"pooler.dense.", "lm_head.", "classifier.", "qa_outputs.", "embeddings.position_ids"}));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.pooling,
                            ReadSentenceFolder(source.description(), spec.shape.width));
  Network network;
  network.shape = shape;
  network.encoder = MakePostNormEncoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
