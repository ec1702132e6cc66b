#include "generator/runtime/gpu_decoder_runner.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace footnote::generator {
namespace {

using kernels::DType;
using kernels::GpuMatrix;
using kernels::kPageTokens;

// Beyond these a pass takes so long that its launches do not matter.
constexpr int64_t kMostGraphRows = 256;
constexpr int64_t kMostGuessRows = 16;
constexpr size_t kMostGraphs = 128;
constexpr int64_t kLeastKeys = 256;
constexpr size_t kLeastSharing = 4;
constexpr int64_t kSharedStep = 128;

enum Slot : size_t { kNumbers = 100, kLogits, kAllowed, kChosen };

int64_t RoundUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Products of up to 8 rows have kernels of their own for each number of rows.
int64_t SequenceBucket(int64_t sequences) {
  if (sequences <= 8) return sequences;
  return RoundUp(sequences, sequences <= 64 ? 8 : 32);
}

int64_t KeysBucket(int64_t keys) {
  return std::max<int64_t>(kLeastKeys,
                           static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(keys))));
}

// Keys that all sequences have in the same pages, before the rows of any: what requests with the
// same passages share.
int64_t SharedKeys(std::span<const kernels::KvSequence> sequences) {
  if (sequences.size() < kLeastSharing) return 0;
  const kernels::KvSequence& first = sequences.front();
  int64_t pages = first.first_position / kPageTokens;
  for (const kernels::KvSequence& each : sequences) {
    pages = std::min(pages, each.first_position / kPageTokens);
    int64_t same = 0;
    while (same < pages &&
           each.pages[static_cast<size_t>(same)] == first.pages[static_cast<size_t>(same)]) {
      ++same;
    }
    pages = same;
  }
  // In steps, so that graphs are few.
  return pages * kPageTokens / kSharedStep * kSharedStep;
}

// Where the arrays of a pass begin, in numbers from the start; each on a new 256 bytes.
struct Layout {
  int64_t ids, positions, row_sequence, first_row, lengths, known_lengths, logits_rows, pages,
      count;
  Layout(int64_t rows, int64_t sequences, int64_t logits, int64_t pages_stride) {
    int64_t next = 0;
    const auto take = [&next](int64_t size) {
      return std::exchange(next, next + RoundUp(std::max<int64_t>(size, 1), 64));
    };
    ids = take(rows);
    positions = take(rows);
    row_sequence = take(rows);
    first_row = take(sequences + 1);
    lengths = take(sequences);
    known_lengths = take(sequences);
    logits_rows = take(logits);
    pages = take(sequences * pages_stride);
    count = next;
  }
};

}  // namespace

// The layers behind those on the GPU.
struct GpuDecoderRunner::CpuRest {
  std::unique_ptr<LoadedModel::Runner> runner;
  std::unique_ptr<KvCache> cache;
  std::vector<float> hidden;
};

int64_t GpuDecoderRunner::PassShape::pages_stride() const {
  return std::max<int64_t>(1, PagePool::PagesFor(most_keys));
}

GpuDecoderRunner::GpuDecoderRunner(std::shared_ptr<const LoadedModel> model,
                                   std::unique_ptr<kernels::Gpu> gpu)
    : model_(std::move(model)),
      gpu_model_(*model_->gpu()),
      vocabulary_size_(model_->info().vocabulary_size),
      gpu_(std::move(gpu)),
      workspace_(gpu_.get()) {}

GpuDecoderRunner::~GpuDecoderRunner() = default;

StatusOr<std::unique_ptr<GpuDecoderRunner>> GpuDecoderRunner::Create(
    std::shared_ptr<const LoadedModel> model, int64_t kv_cache_bytes) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<kernels::Gpu> gpu, model->gpu()->OpenStream());
  std::unique_ptr<GpuDecoderRunner> runner(new GpuDecoderRunner(std::move(model), std::move(gpu)));
  FOOTNOTE_RETURN_IF_ERROR(runner->AllocateCache(kv_cache_bytes));
  return runner;
}

Status GpuDecoderRunner::AllocateCache(int64_t kv_cache_bytes) {
  const ModelInfo& info = model_->info();
  const int64_t layers = gpu_model_.plan().layers;
  const KvShape here{layers, info.kv_heads, info.head_width, gpu_model_.plan().cache};
  KvShape rest = model_->kv_shape();
  rest.layers -= layers;
  const int64_t page_bytes = here.page_bytes() + rest.page_bytes();
  const int64_t pages = kv_cache_bytes / page_bytes;
  if (pages < 1) {
    return InvalidArgumentError("the KV cache is smaller than one page of " +
                                std::to_string(page_bytes) + " bytes; enlarge it");
  }
  // The memory first: whether there is enough decides how many pages are kept account of.
  const auto bytes = static_cast<size_t>(here.page_bytes() * pages);
  if (layers > 0) {
    StatusOr<GpuMemory> memory = GpuMemory::Allocate(*gpu_, bytes);
    if (!memory.ok()) return memory.status().WithContext("the KV cache");
    cache_memory_ = *std::move(memory);
  }
  if (rest.layers > 0) {
    rest_ = std::make_unique<CpuRest>();
    FOOTNOTE_ASSIGN_OR_RETURN(rest_->runner, model_->MakeRunner());
    FOOTNOTE_ASSIGN_OR_RETURN(rest_->cache, KvCache::Create(rest, pages));
    pool_ = &rest_->cache->pool();
  } else {
    own_pool_ = std::make_unique<PagePool>(pages);
    pool_ = own_pool_.get();
  }
  if (layers == 0) return OkStatus();
  char* next = static_cast<char*>(cache_memory_.data());
  const size_t half = bytes / static_cast<size_t>(layers) / 2;
  for (int64_t layer = 0; layer < layers; ++layer) {
    kernels::GpuKvLayer view;
    view.dtype = here.dtype;
    view.keys = std::exchange(next, next + half);
    view.values = std::exchange(next, next + half);
    view.pages = pages;
    view.kv_heads = here.kv_heads;
    view.head_width = here.head_width;
    cache_.push_back(view);
  }
  return OkStatus();
}

// repeats: a pass of such a shape is likely to come again, so it is worth a graph.
GpuDecoderRunner::PassShape GpuDecoderRunner::ShapeOf(const DecoderBatch& batch,
                                                      bool& repeats) const {
  PassShape shape;
  shape.rows = static_cast<int64_t>(batch.ids.size());
  shape.sequences = static_cast<int64_t>(batch.sequences.size());
  for (const kernels::KvSequence& sequence : batch.sequences) {
    shape.most_rows = std::max(shape.most_rows, sequence.rows);
    shape.most_keys = std::max(shape.most_keys, sequence.first_position + sequence.rows);
  }
  shape.logits = static_cast<int64_t>(batch.logits_rows.size());
  shape.all_logits = shape.logits == shape.rows;
  const bool decodes = shape.most_rows == 1 && shape.rows <= kMostGraphRows;
  if (decodes) shape.shared_keys = SharedKeys(batch.sequences);
  const bool guesses = shape.sequences == 1 && shape.rows <= kMostGuessRows;
  repeats = rest_ == nullptr && shape.all_logits && shape.rows > 0 && (decodes || guesses);
  if (!repeats) return shape;
  shape.most_keys = KeysBucket(shape.most_keys);
  if (decodes) {
    shape.rows = shape.sequences = shape.logits = SequenceBucket(shape.sequences);
  }
  return shape;
}

Status GpuDecoderRunner::WriteNumbers(const DecoderBatch& batch, const PassShape& shape,
                                      void* device) {
  const int64_t stride = shape.pages_stride();
  const Layout at(shape.rows, shape.sequences, shape.logits, stride);
  numbers_.assign(static_cast<size_t>(at.count), 0);
  const auto array = [this](int64_t begin) { return numbers_.data() + begin; };
  std::copy(batch.ids.begin(), batch.ids.end(), array(at.ids));
  // Padding: no position.
  std::fill_n(array(at.positions), shape.rows, -1);
  int64_t row = 0;
  int64_t b = 0;
  for (const kernels::KvSequence& sequence : batch.sequences) {
    array(at.first_row)[b] = static_cast<int32_t>(row);
    array(at.lengths)[b] = static_cast<int32_t>(sequence.first_position + sequence.rows);
    array(at.known_lengths)[b] = static_cast<int32_t>(
        std::max(sequence.first_position + sequence.rows, sequence.known_positions));
    const auto pages =
        static_cast<size_t>(PagePool::PagesFor(sequence.first_position + sequence.rows));
    if (sequence.first_row != row || pages > sequence.pages.size()) {
      return InvalidArgumentError("a batch's sequences do not cover its rows, or lack pages");
    }
    std::copy_n(sequence.pages.begin(), pages, array(at.pages) + b * stride);
    for (int64_t i = 0; i < sequence.rows; ++i, ++row) {
      array(at.positions)[row] = static_cast<int32_t>(sequence.first_position + i);
      array(at.row_sequence)[row] = static_cast<int32_t>(b);
    }
    ++b;
  }
  if (row != static_cast<int64_t>(batch.ids.size())) {
    return InvalidArgumentError("a batch's sequences do not cover its rows");
  }
  // Padding sequences have one row each, and no length.
  for (; b < shape.sequences; ++b, ++row) {
    array(at.first_row)[b] = static_cast<int32_t>(row);
    array(at.row_sequence)[row] = static_cast<int32_t>(b);
  }
  array(at.first_row)[shape.sequences] = static_cast<int32_t>(row);
  for (size_t i = 0; i < batch.logits_rows.size(); ++i) {
    array(at.logits_rows)[i] = static_cast<int32_t>(batch.logits_rows[i]);
  }
  return gpu_->CopyIn(device, numbers_.data(), numbers_.size() * sizeof(int32_t));
}

GpuDecoderBatch GpuDecoderRunner::BatchAt(const void* device, const PassShape& shape) const {
  const Layout at(shape.rows, shape.sequences, shape.logits, shape.pages_stride());
  const auto* base = static_cast<const int32_t*>(device);
  GpuDecoderBatch batch;
  batch.ids = base + at.ids;
  batch.sequences.first_row = base + at.first_row;
  batch.sequences.lengths = base + at.lengths;
  batch.sequences.known_lengths = base + at.known_lengths;
  batch.sequences.pages = base + at.pages;
  batch.sequences.positions = base + at.positions;
  batch.sequences.row_sequence = base + at.row_sequence;
  batch.sequences.pages_stride = shape.pages_stride();
  batch.sequences.count = shape.sequences;
  batch.sequences.rows = shape.rows;
  batch.sequences.most_rows = shape.most_rows;
  batch.sequences.most_keys = shape.most_keys;
  batch.sequences.shared_keys = shape.shared_keys;
  batch.logits_rows = shape.all_logits ? nullptr : base + at.logits_rows;
  batch.logits_count = shape.logits;
  return batch;
}

StatusOr<GpuMatrix> GpuDecoderRunner::EnqueueGraph(const DecoderBatch& batch,
                                                   const PassShape& shape) {
  Graph& graph = graphs_[shape];
  if (graph.numbers.data() == nullptr) {
    const Layout at(shape.rows, shape.sequences, shape.logits, shape.pages_stride());
    FOOTNOTE_ASSIGN_OR_RETURN(
        graph.numbers, GpuMemory::Allocate(*gpu_, static_cast<size_t>(at.count) * sizeof(int32_t)));
  }
  FOOTNOTE_RETURN_IF_ERROR(WriteNumbers(batch, shape, graph.numbers.data()));
  if (graph.number >= 0) {
    FOOTNOTE_RETURN_IF_ERROR(gpu_->Replay(graph.number));
    return graph.logits;
  }
  const bool first_time = graph.logits.data == nullptr;
  FOOTNOTE_ASSIGN_OR_RETURN(
      graph.logits, workspace_.Matrix(kLogits, DType::kF32, shape.logits, vocabulary_size_));
  const auto forward = [&] {
    return gpu_model_.decoder()->Forward(*gpu_, workspace_, BatchAt(graph.numbers.data(), shape),
                                         cache_, graph.logits);
  };
  if (first_time) {
    FOOTNOTE_RETURN_IF_ERROR(forward());
    return graph.logits;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(graph.number, gpu_->Capture(forward));
  FOOTNOTE_RETURN_IF_ERROR(gpu_->Replay(graph.number));
  return graph.logits;
}

StatusOr<GpuMatrix> GpuDecoderRunner::Enqueue(const DecoderBatch& batch) {
  bool repeats = false;
  const PassShape shape = ShapeOf(batch, repeats);
  if (repeats && (graphs_.size() < kMostGraphs || graphs_.contains(shape))) {
    return EnqueueGraph(batch, shape);
  }
  const Layout at(shape.rows, shape.sequences, shape.logits, shape.pages_stride());
  FOOTNOTE_ASSIGN_OR_RETURN(
      void* numbers, workspace_.Bytes(kNumbers, static_cast<size_t>(at.count) * sizeof(int32_t)));
  FOOTNOTE_RETURN_IF_ERROR(WriteNumbers(batch, shape, numbers));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const GpuMatrix out,
      rest_ == nullptr ? workspace_.Matrix(kLogits, DType::kF32, shape.logits, vocabulary_size_)
                       : workspace_.Matrix(kLogits, DType::kF32, shape.rows, model_->info().width));
  FOOTNOTE_RETURN_IF_ERROR(
      gpu_model_.decoder()->Forward(*gpu_, workspace_, BatchAt(numbers, shape), cache_, out));
  return out;
}

Status GpuDecoderRunner::RunRest(const DecoderBatch& batch, const GpuMatrix& hidden,
                                 kernels::Matrix logits) {
  const int64_t rows = hidden.rows;
  rest_->hidden.resize(static_cast<size_t>(rows * hidden.stride));
  FOOTNOTE_RETURN_IF_ERROR(
      gpu_->CopyOut(rest_->hidden.data(), hidden.data, rest_->hidden.size() * sizeof(float)));
  DecoderBatch rest = batch;
  rest.first_layer = gpu_model_.plan().layers;
  rest.hidden = kernels::Matrix::Of(rest_->hidden.data(), rows, hidden.columns);
  rest.hidden.stride[0] = hidden.stride;
  return model_->decoder()->Forward(*rest_->runner->context, rest_->runner->workspace, rest,
                                    rest_->cache->layers(), logits);
}

Status GpuDecoderRunner::Step(const DecoderBatch& batch, kernels::Matrix logits) {
  if (rest_ != nullptr && gpu_model_.plan().layers == 0) {
    return model_->decoder()->Forward(*rest_->runner->context, rest_->runner->workspace, batch,
                                      rest_->cache->layers(), logits);
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix out, Enqueue(batch));
  if (rest_ != nullptr) return RunRest(batch, out, logits);
  const auto row_bytes = static_cast<size_t>(vocabulary_size_) * sizeof(float);
  if (out.stride == out.columns && logits.stride[0] == logits.shape[1]) {
    return gpu_->CopyOut(logits.data, out.data, row_bytes * static_cast<size_t>(logits.shape[0]));
  }
  for (int64_t row = 0; row < logits.shape[0]; ++row) {
    FOOTNOTE_RETURN_IF_ERROR(gpu_->CopyOut(
        logits.row(row), static_cast<const float*>(out.data) + row * out.stride, row_bytes));
  }
  return logits.shape[0] == 0 ? gpu_->Synchronize() : OkStatus();
}

Status GpuDecoderRunner::Choose(const DecoderBatch& batch, std::span<const AllowedTokens> allowed,
                                std::span<TokenId> chosen) {
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix out, Enqueue(batch));
  const size_t rows = chosen.size();
  if (rows == 0) return gpu_->Synchronize();
  const uint32_t* masks = nullptr;
  const auto unlimited = [](const AllowedTokens& row) { return row.words.empty(); };
  if (!std::all_of(allowed.begin(), allowed.end(), unlimited)) {
    const size_t words = (static_cast<size_t>(vocabulary_size_) + 31) / 32;
    std::vector<uint32_t> all(rows * words, ~uint32_t{0});
    for (size_t row = 0; row < rows; ++row) {
      if (!unlimited(allowed[row])) {
        std::copy_n(allowed[row].words.begin(), words, all.begin() + row * words);
      }
    }
    const size_t bytes = all.size() * sizeof(uint32_t);
    FOOTNOTE_ASSIGN_OR_RETURN(void* device, workspace_.Bytes(kAllowed, bytes));
    FOOTNOTE_RETURN_IF_ERROR(gpu_->CopyIn(device, all.data(), bytes));
    masks = static_cast<const uint32_t*>(device);
  }
  FOOTNOTE_ASSIGN_OR_RETURN(void* ids, workspace_.Bytes(kChosen, rows * sizeof(TokenId)));
  FOOTNOTE_RETURN_IF_ERROR(
      gpu_->ArgMax(out.First(static_cast<int64_t>(rows)), masks, static_cast<int32_t*>(ids)));
  return gpu_->CopyOut(chosen.data(), ids, rows * sizeof(TokenId));
}

}  // namespace footnote::generator
