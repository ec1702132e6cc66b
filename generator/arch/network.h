// What an architecture builds from a weight file: a decoder or an encoder, ready to run.
//
// Private to the generator room. A network holds views into the mapping of its WeightSource, which
// must outlive it. Threads: const, so any number of passes may run, each with a Context and a
// Workspace of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/arch/gpu_network.h"
#include "generator/blocks/workspace.h"
#include "generator/model.h"
#include "generator/weights/weight_source.h"
#include "kernels/context.h"
#include "kernels/kv_pages.h"
#include "kernels/tensor.h"

namespace footnote::generator {

// Sizes that every architecture has.
struct NetworkShape {
  int64_t layers = 0;
  int64_t width = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_width = 0;
  int64_t feed_forward_width = 0;
  int64_t vocabulary_size = 0;
  int64_t context_tokens = 0;
  // A sequence of more positions is rotated otherwise (LongRoPE), all of it; 0: there is no such
  // length.
  int64_t short_rotation_tokens = 0;
};

// Rows of several sequences in one pass. Positions follow from `sequences`.
struct DecoderBatch {
  std::span<const TokenId> ids;                    // [T]
  std::span<const kernels::KvSequence> sequences;  // cover rows 0…T-1 in order
  std::span<const int64_t> logits_rows;            // [R] rows whose logits are wanted, ascending
  // Where the layers below were computed elsewhere: the first layer to run, and the residual stream
  // before it, [T, width], which is overwritten.
  int64_t first_layer = 0;
  kernels::Matrix hidden = {};
};

class Decoder {
 public:
  virtual ~Decoder() = default;

  // Writes keys and values of the batch into `cache` (one for each layer from the first that runs)
  // and the logits of the rows
  // asked for into logits [R, vocabulary]. Ids must be in range. Errors: those of the kernels.
  virtual Status Forward(kernels::Context& context, Workspace& workspace, const DecoderBatch& batch,
                         std::span<const kernels::KvLayer> cache, kernels::Matrix logits) const = 0;

  // The matrices it multiplies by, to be packed before the first pass (kernels/packing.h).
  virtual std::vector<kernels::Weight*> Matrices() = 0;

  // Its first plan.layers layers, uploaded. Errors: those of Gpu::Upload.
  virtual StatusOr<std::unique_ptr<GpuDecoder>> OnGpu(std::shared_ptr<kernels::Gpu> gpu,
                                                      const GpuPlan& plan) const = 0;
};

class Encoder {
 public:
  virtual ~Encoder() = default;

  // Longest input, special tokens included, as its makers meant it to be used.
  virtual int max_tokens() const = 0;

  // Text to put before a query or a passage, as the model was trained; usually empty.
  virtual const std::string& query_prefix() const = 0;
  virtual const std::string& passage_prefix() const = 0;

  // Columns of the vectors that Forward gives: the model's width, unless the files put a matrix
  // behind the pooling.
  virtual int64_t output_width() const = 0;

  // Vectors of the batch's sequences and parts, out [B + P, output_width]. Errors:
  // FAILED_PRECONDITION when the files do not say how to pool; those of the kernels. Ids, types and
  // positions must be in range.
  virtual Status Forward(kernels::Context& context, Workspace& workspace, const EncoderBatch& batch,
                         kernels::Matrix out) const = 0;

  // Names of what the head tells apart; empty when there is none.
  virtual std::span<const std::string> labels() const = 0;

  // Whether it tells tokens apart, not sequences.
  virtual bool labels_tokens() const = 0;

  // The head's raw numbers (logits) for the batch's sequences, out [B, labels], or for its tokens,
  // [T, labels]. Needs a head; parts are not looked at. Errors: those of the kernels.
  virtual Status Classify(kernels::Context& context, Workspace& workspace,
                          const EncoderBatch& batch, kernels::Matrix out) const = 0;

  // As Decoder::Matrices.
  virtual std::vector<kernels::Weight*> Matrices() = 0;

  // Computes what does not depend on the text. Once, before the first pass. Errors: those of the
  // kernels.
  virtual Status Prepare(kernels::Context& context) = 0;

  // Finds out Weight::column_spread of its matrices by a pass over made-up text, before they are
  // packed by groups; after Prepare. The same for the same weights and instruction set. Errors:
  // those of Forward.
  virtual Status MeasureSpreads(kernels::Context& context, Workspace& workspace) = 0;

  // All of it, uploaded. plan.plain: F16 or F32. Errors: those of Gpu::Upload.
  virtual StatusOr<std::unique_ptr<GpuEncoder>> OnGpu(std::shared_ptr<kernels::Gpu> gpu,
                                                      const GpuPlan& plan) const = 0;

  // Token types that there are; 0: the model has none, and whatever a batch says is not looked at.
  virtual int64_t type_count() const = 0;
  // Positions are below it.
  virtual int64_t position_count() const = 0;
  // Tokens that it can compute a sequence of.
  virtual int64_t longest_input() const = 0;
  // Positions of the tokens of a row, padding included, as this model counts them.
  virtual void AppendPositions(std::span<const TokenId> row,
                               std::vector<int32_t>& positions) const = 0;
};

// One of the two is set.
struct Network {
  NetworkShape shape;
  std::unique_ptr<Decoder> decoder;
  std::unique_ptr<Encoder> encoder;
};

// Name of the architecture a file asks for. Errors: DATA_LOSS when it names none.
StatusOr<std::string> ArchitectureName(const WeightSource& source);

// Builds it. Errors: UNIMPLEMENTED names an unknown architecture, a config key or a tensor that
// asks for what is not done; INVALID_ARGUMENT for shapes that disagree with the config; NOT_FOUND
// for a missing key or tensor.
StatusOr<Network> BuildNetwork(const WeightSource& source);

#define FOOTNOTE_ARCHITECTURE(name, builder) StatusOr<Network> builder(const WeightSource& source);
#include "generator/arch/arch.def"
#undef FOOTNOTE_ARCHITECTURE

}  // namespace footnote::generator
