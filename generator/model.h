// A loaded model: weights mapped, architecture built, tokenizer ready. The engine's door for
// `footnote model`, the generator and the embedder.
//
// Decoders and encoders load the same way; which one a file holds is in info(). Threads: const
// methods may run concurrently; each Runner belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/thread_pool.h"
#include "generator/chat_template.h"
#include "generator/tokenizer.h"
#include "kernels/context.h"
#include "kernels/gpu.h"

namespace footnote::generator {

enum class ModelKind { kDecoder, kEncoder };

struct ModelInfo {
  std::string name;          // general.name, or the folder's
  std::string architecture;  // as in arch.def: "llama"
  ModelKind kind = ModelKind::kDecoder;
  int64_t parameters = 0;
  int64_t weight_bytes = 0;
  std::map<std::string, int> tensors_by_format;  // "Q4_1" -> 210
  int context_tokens = 0;
  int layers = 0;
  int width = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_width = 0;
  int vocabulary_size = 0;
  int vector_width = 0;  // of what an encoder's Encode gives; else 0
  // What an encoder's classifying head tells apart, as the files name it; empty: there is no head.
  std::vector<std::string> labels;
  bool labels_tokens = false;  // it tells tokens apart, not texts
  std::string tokenizer;       // Tokenizer::name()
  // "own" for the file's own chat template, or the family chosen; empty when there is none.
  std::string template_family;
  // Whether a system message goes before the first user's, because the template refuses one.
  bool template_folds_system = false;
  // Why the file's chat template cannot be used; empty when it can, or there is none. The model
  // does everything else.
  std::string template_problem;
  std::string device;       // "CPU (avx512vnni)", "CUDA 0 (NVIDIA H100 80GB HBM3, 9.0)"
  std::string isa;          // of what computes: "avx512vnni", "cuda 9.0"
  std::string device_note;  // why not a GPU, where "auto" was asked for; else empty
  // Why packed weights could not be read from or kept in the folder asked for; empty when they
  // were, or none was asked for. The model runs all the same.
  std::string packed_cache_problem;
};

// "cuda:0,1" names several GPUs, for a replica of a generator on each: "cuda:0", "cuda:1". Any
// other name stands for itself.
std::vector<std::string> DevicesNamed(const std::string& device);

// Opens a stream of GPU `index`; kernels::OpenGpu, or what tests put in its place.
using GpuOpener = std::function<StatusOr<std::unique_ptr<kernels::Gpu>>(int index)>;

struct ModelOptions {
  kernels::Precision precision = kernels::Precision::kFast;
  // "cpu"; "cuda" or "cuda:N", the first or another GPU, an error where it cannot be used; "auto":
  // the first GPU where there is one that works and holds the model, else the CPU, and
  // ModelInfo::device_note says why.
  std::string device = "cpu";
  int gpu_layers = -1;              // of a decoder, the first so many on the GPU; -1: all
  GpuOpener open_gpu = nullptr;     // null: kernels::OpenGpu
  int threads = 0;                  // 0: one per available CPU
  std::optional<kernels::Isa> isa;  // nothing: the best, or FOOTNOTE_ISA
  bool load_chat_template = true;
  // A family of templates.def instead of the file's own chat template; empty: the file's.
  std::string template_family;
  // A folder where weights are kept in the form that this CPU reads, for a quick next start. It
  // takes as much room as the model. Empty: FOOTNOTE_PACKED_CACHE ("off": none), else "packed" in
  // FOOTNOTE_CACHE for models of 1 GiB and more.
  std::filesystem::path packed_cache;
};

// Several sequences for an encoder, packed: ids of all, one after the other.
struct EncoderBatch {
  std::vector<TokenId> ids;        // [T]
  std::vector<int32_t> types;      // [T] token types, or empty for all 0
  std::vector<int32_t> positions;  // [T] as Model::Positions gives them, or empty: as of whole rows
  std::vector<int64_t> offsets;    // [B + 1], offsets[0] = 0, offsets[B] = T
  // [P] stretches of tokens that get a vector of their own, such as sentences: each within one
  // sequence, none empty, in order.
  struct Part {
    int64_t begin = 0, end = 0;  // places in ids
  };
  std::vector<Part> parts = {};
  // [T] where in its row each token is, rising within a sequence; empty: one after the other. What
  // is masked in the middle of a row keeps its neighbours apart.
  std::vector<int32_t> places = {};
};

// What a model does to the GPU it is on, and what that GPU can do: for benchmarks.
struct DeviceFigures {
  kernels::Gpu::Ceilings ceilings;
  int64_t step_weight_bytes = 0;  // that a pass over a few rows reads, the head's included
  int64_t kv_bytes_per_position = 0;
  int64_t layer_parameters = 0;  // of the layers' matrices
  int64_t head_parameters = 0;
};

class Model {
 public:
  // A `.gguf` file or a Hugging Face folder (config.json, *.safetensors, tokenizer.json).
  // Errors: NOT_FOUND; DATA_LOSS (truncated or damaged: names file, tensor or key and offset);
  // UNIMPLEMENTED (architecture, format, tokenizer or a config key that asks for what is not done:
  // by name); INVALID_ARGUMENT (shapes that disagree with the config).
  static StatusOr<std::shared_ptr<const Model>> Load(const std::filesystem::path& path,
                                                     const ModelOptions& options);

  virtual ~Model() = default;

  virtual const ModelInfo& info() const = 0;
  virtual const ModelOptions& options() const = 0;
  virtual const std::filesystem::path& path() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual const ChatTemplate* chat_template() const = 0;  // null when the file has none
  virtual kernels::Isa isa() const = 0;                   // of what runs on the CPU
  // Takes a second; nothing for a model that is not wholly on a GPU.
  virtual StatusOr<std::optional<DeviceFigures>> MeasureDevice() const = 0;

  // Decoders. Logits of every position of one sequence, [ids.size(), vocabulary], from an empty
  // cache.
  virtual StatusOr<std::vector<float>> Logits(std::span<const TokenId> ids) const = 0;

  // Encoders. Positions of the tokens of a row, padding included: 0, 1, 2… or, in RoBERTa's family,
  // so that padding does not count. Empty for a decoder.
  virtual std::vector<int32_t> Positions(std::span<const TokenId> row) const = 0;

  // Encoders. [B + P, vector_width]: each sequence as the model's own pooling and normalisation
  // give it, then each part as the mean of its tokens' states, of length 1. The states are those of
  // the whole sequence: parts cost no second pass.
  virtual StatusOr<std::vector<float>> Encode(const EncoderBatch& batch) const = 0;

  // Encoders with a head: its raw numbers (logits) for each sequence, [B, labels], or for each
  // token, [T, labels], where it labels tokens. Errors:
  // INVALID_ARGUMENT when there is no head, and for what Encode refuses; parts are refused.
  virtual StatusOr<std::vector<float>> Classify(const EncoderBatch& batch) const = 0;
};

}  // namespace footnote::generator
