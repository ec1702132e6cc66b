// What becomes of an encoder's last states: one vector for each sequence, or the numbers of a
// classifying head. Private to the generator room.
#pragma once

#include <string>
#include <vector>

#include "generator/arch/network.h"
#include "kernels/ops.h"

namespace footnote::generator {

// How the states of a sequence's tokens 1…n become one vector.
enum class PoolingKind {
  kUnknown,
  kMean,
  kFirst,
  kLast,
  kMax,           // of each column
  kSumByRoot,     // sum / sqrt(n)
  kWeightedMean,  // token i weighs i, counted by its place in the row
};

enum class HeadActivation { kNone, kTanh, kRelu, kGeluErf, kGeluTanh };

// What is done to pooled vectors, in order: scaled to length 1, or multiplied by a matrix.
struct PoolingStep {
  std::vector<float> weight;  // [outputs, inputs]; empty: scale to length 1
  std::vector<float> bias;    // [outputs] or empty
  int64_t inputs = 0, outputs = 0;
  HeadActivation activation = HeadActivation::kNone;
};

// How a sequence of hidden states becomes one vector, and what else the files say about use.
struct PoolingSpec {
  PoolingKind kind = PoolingKind::kUnknown;
  std::vector<PoolingStep> steps;
  std::string why_unknown;  // for the error message
  int64_t max_tokens = 0;   // 0: as many as the model takes
  std::string query_prefix, passage_prefix;
};

// A head: for each sequence or each token, a layer of its own where it has one, then one number for
// each of L labels. Its matrices stay as stored: beside the blocks they cost nothing.
struct ClassifierSpec {
  std::vector<std::string> labels;  // [L]; none: there is no head
  bool per_token = false;
  PoolingKind pooling = PoolingKind::kFirst;  // of a head for sequences: kFirst or kMean
  kernels::Weight dense;                      // [W, W] or none
  std::vector<float> dense_bias;              // [W] or empty
  HeadActivation activation = HeadActivation::kNone;
  std::vector<float> norm_weight, norm_bias;  // behind the activation; [W] or empty
  float norm_epsilon = 0;
  kernels::Weight output;          // [L, W]
  std::vector<float> output_bias;  // [L] or empty
};

// The part of an Encoder that does not depend on its blocks.
class EncoderWithOutput : public Encoder {
 public:
  EncoderWithOutput(NetworkShape shape, PoolingSpec pooling, ClassifierSpec classifier)
      : shape_(shape), pooling_(std::move(pooling)), classifier_(std::move(classifier)) {}

  int max_tokens() const override;
  const std::string& query_prefix() const override { return pooling_.query_prefix; }
  const std::string& passage_prefix() const override { return pooling_.passage_prefix; }
  int64_t output_width() const override;
  std::span<const std::string> labels() const override { return classifier_.labels; }
  bool labels_tokens() const override { return classifier_.per_token; }
  void AppendPositions(std::span<const TokenId> row,
                       std::vector<int32_t>& positions) const override;

  Status Forward(kernels::Context& context, Workspace& workspace, const EncoderBatch& batch,
                 kernels::Matrix out) const override;
  Status Classify(kernels::Context& context, Workspace& workspace, const EncoderBatch& batch,
                  kernels::Matrix out) const override;

 protected:
  // Slots of the workspace from this one on are this class's.
  static constexpr size_t kFirstSlot = 16;

  const NetworkShape& shape() const { return shape_; }
  const PoolingSpec& pooling() const { return pooling_; }
  const ClassifierSpec& classifier() const { return classifier_; }

  // The states behind the last block, hidden [T, W].
  virtual Status RunBlocks(kernels::Context& context, Workspace& workspace,
                           const EncoderBatch& batch, kernels::Matrix hidden) const = 0;

 private:
  Status ApplySteps(kernels::Context& context, Workspace& workspace, kernels::Matrix pooled,
                    kernels::Matrix out) const;

  NetworkShape shape_;
  PoolingSpec pooling_;
  ClassifierSpec classifier_;
};

// The batch's positions or places, or where it gives none 0, 1, 2… within each sequence.
std::span<const int32_t> PositionsOf(const EncoderBatch& batch, std::vector<int32_t>& made);
std::span<const int32_t> PlacesOf(const EncoderBatch& batch, std::vector<int32_t>& made);

// Root of the mean square of each column (Weight::column_spread). hidden [T, W].
std::vector<float> SpreadOf(const kernels::Matrix& hidden);

// Ids from all over the vocabulary as one sequence of at most `longest` tokens, to measure spreads
// with: which columns are large hardly depends on the text.
EncoderBatch MadeUpText(int64_t vocabulary_size, int64_t longest);

}  // namespace footnote::generator
