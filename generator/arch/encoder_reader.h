// What the readers of encoders share: norms, layers named as BERT's, activations, pooling keys,
// classifying heads. Private to the generator room.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "generator/arch/config_reader.h"
#include "generator/arch/tensor_reader.h"
#include "generator/blocks/post_norm_encoder.h"

namespace footnote::generator {

// Tokens of a sequence where nothing but memory bounds them: an encoder without a table of
// positions.
inline constexpr int64_t kMostRelativePositions = 32768;

// Names of a layer's tensors without ".weight" and ".bias".
struct EncoderLayerNames {
  std::string query, key, value, output, attention_norm, up, down, feed_forward_norm;
};

// "encoder.layer.N.attention.self.query" and so on, behind `prefix`.
EncoderLayerNames BertLayerNames(const std::string& prefix, int64_t layer);

// weight and bias; or gamma and beta, as checkpoints of 2019 have it.
StatusOr<LayerNormWeights> ReadNorm(TensorReader& tensors, const std::string& name, int64_t width);

// All of the layer, its biases too.
StatusOr<PostNormEncoderLayer> ReadEncoderLayer(TensorReader& tensors,
                                                const EncoderLayerNames& names,
                                                const NetworkShape& shape);

// Sets what follows from width and heads. Errors: INVALID_ARGUMENT when they do not fit.
Status FinishEncoderShape(const ConfigReader& config, NetworkShape& shape);

// "gelu", "gelu_new"… Errors: UNIMPLEMENTED names another.
StatusOr<kernels::GeluKind> ReadGelu(ConfigReader& config, std::string_view key);
StatusOr<HeadActivation> ReadHeadActivation(ConfigReader& config, std::string_view key,
                                            const std::string& absent);

// Marks keys of config.json that only concern other uses of a checkpoint than encoding, or how its
// numbers are used.
void IgnoreEncoderKeys(ConfigReader& config);

// The class in `architectures` ends with ForSequenceClassification, ForTokenClassification, or
// neither: other tasks have tensors of the same names.
enum class HeadTask { kNone, kSequences, kTokens };
HeadTask HeadTaskOf(const WeightSource& source);

// A matrix with its bias, where there is one; labels from id2label. `output` and `dense` are names
// without ".weight"; dense may be empty.
Status ReadHead(TensorReader& tensors, const WeightSource& source, int64_t width,
                const std::string& dense, const std::string& output, ClassifierSpec& head);

// A GGUF's pooling type and the head of a reranker (tensors cls, cls.output). Errors: UNIMPLEMENTED
// names a pooling type that is not done.
Status ReadGgufOutput(ConfigReader& config, TensorReader& tensors, int64_t width,
                      PoolingSpec& pooling, ClassifierSpec& head);

// Keys of a GGUF that only say once more how wide a head is, or belong to its tokenizer. Errors:
// UNIMPLEMENTED when they say something else.
Status CheckGgufHeads(ConfigReader& config, const NetworkShape& shape);

// Rows of a GGUF's table; 0 when there is none. A table of one row may be stored as a vector.
int64_t GgufRows(const WeightSource& source, std::string_view name);

// "PREFIX." when `tensor` is there behind it, else "": a checkpoint of a head has its encoder below
// a prefix.
std::string EncoderPrefix(const TensorReader& tensors, const std::string& prefix,
                          const std::string& tensor);

}  // namespace footnote::generator
