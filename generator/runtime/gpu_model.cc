#include "generator/runtime/gpu_model.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace footnote::generator {
namespace {

using kernels::DType;

// Tokens of a pass over many sequences: enough to fill the device, few enough to bound the
// activations (some 9 kB a token for MiniLM); the products' grids take 65,535.
constexpr int64_t kEncoderPassTokens = 1 << 15;

enum EncoderSlot : size_t { kNumbers = 100, kVectors };

constexpr char kChoices[] = "choose cpu, cuda, cuda:N (the number of a GPU) or auto";

}  // namespace

StatusOr<DeviceChoice> ChooseDevice(const std::string& device, const GpuOpener& open) {
  DeviceChoice choice;
  if (device == "cpu" || device.empty()) return choice;
  const bool automatic = device == "auto";
  if (device.starts_with("cuda:")) {
    const char* end = device.data() + device.size();
    const auto [stop, error] = std::from_chars(device.data() + 5, end, choice.gpu);
    if (error != std::errc() || stop != end || choice.gpu < 0) {
      return InvalidArgumentError("\"" + device + "\" is no device; " + kChoices);
    }
  } else if (device != "cuda" && !automatic) {
    return InvalidArgumentError("\"" + device + "\" is no device; " + kChoices);
  }
  // Opening is the test: a driver may list a device and refuse it.
  const auto opened = open(choice.gpu);
  if (opened.ok()) {
    choice.cpu = false;
    return choice;
  }
  if (!automatic) {
    return opened.status().WithContext("device " + device +
                                       " (use --device cpu, or auto to fall back)");
  }
  choice.note = opened.status().message();
  return choice;
}

struct GpuModel::EncoderRunner {
  explicit EncoderRunner(std::unique_ptr<kernels::Gpu> stream)
      : gpu(std::move(stream)), workspace(gpu.get()) {}
  std::unique_ptr<kernels::Gpu> gpu;
  GpuWorkspace workspace;
};

GpuModel::~GpuModel() = default;

StatusOr<std::unique_ptr<GpuModel>> GpuModel::Create(const Network& network,
                                                     const ModelOptions& options, int gpu,
                                                     bool mostly_bf16) {
  std::unique_ptr<GpuModel> model(new GpuModel());
  model->open_ = options.open_gpu == nullptr ? GpuOpener(kernels::OpenGpu) : options.open_gpu;
  model->index_ = gpu;
  FOOTNOTE_ASSIGN_OR_RETURN(model->gpu_, model->OpenStream());
  const kernels::GpuInfo& info = model->gpu_->info();
  const std::string compute =
      std::to_string(info.compute_major) + "." + std::to_string(info.compute_minor);
  model->description_ =
      "CUDA " + std::to_string(info.index) + " (" + info.name + ", " + compute + ")";
  model->isa_ = "cuda " + compute;
  GpuPlan& plan = model->plan_;
  const bool exact = options.precision == kernels::Precision::kExact;
  plan.cache = exact ? DType::kF32 : DType::kF16;
  plan.layers = network.shape.layers;
  model->width_ = network.shape.width;
  if (network.encoder != nullptr) {
    plan.plain = exact ? DType::kF32 : DType::kF16;
    model->labels_ = static_cast<int64_t>(network.encoder->labels().size());
    FOOTNOTE_ASSIGN_OR_RETURN(model->encoder_, network.encoder->OnGpu(model->gpu_, plan));
    // Other streams will read what this one uploads.
    FOOTNOTE_RETURN_IF_ERROR(model->gpu_->Synchronize());
    return model;
  }
  if (options.gpu_layers >= 0) plan.layers = std::min<int64_t>(plan.layers, options.gpu_layers);
  const bool bf16 = mostly_bf16 || options.precision == kernels::Precision::kBf16;
  plan.plain = exact ? DType::kF32 : bf16 ? DType::kBF16 : DType::kF16;
  FOOTNOTE_ASSIGN_OR_RETURN(model->decoder_, network.decoder->OnGpu(model->gpu_, plan));
  FOOTNOTE_RETURN_IF_ERROR(model->gpu_->Synchronize());
  return model;
}

StatusOr<kernels::Gpu::Ceilings> GpuModel::MeasureCeilings() const {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto stream, OpenStream());
  return stream->MeasureCeilings();
}

StatusOr<std::unique_ptr<kernels::Gpu>> GpuModel::OpenStream() const { return open_(index_); }

Status GpuModel::EnqueuePiece(EncoderRunner& runner, const EncoderBatch& batch, size_t first,
                              size_t last, size_t first_part, size_t last_part, bool classify,
                              kernels::GpuMatrix results) const {
  const int64_t begin = batch.offsets[first];
  const int64_t rows = batch.offsets[last] - begin;
  const auto sequences = static_cast<int64_t>(last - first);
  const auto parts = static_cast<int64_t>(last_part - first_part);
  // Ids, types, positions, offsets, parts: one copy.
  std::vector<int32_t> numbers;
  numbers.reserve(static_cast<size_t>(3 * rows + sequences + 1 + 2 * parts) + 6 * 64);
  const auto start = [&numbers] {
    numbers.resize((numbers.size() + 63) / 64 * 64);
    return numbers.size();
  };
  const auto append = [&](const std::vector<int32_t>& from) {
    const size_t at = start();
    numbers.insert(numbers.end(), from.begin() + begin, from.begin() + begin + rows);
    return at;
  };
  const size_t ids = append(batch.ids);
  const size_t types = batch.types.empty() ? 0 : append(batch.types);
  size_t positions = 0;
  GpuEncoderBatch piece;
  if (batch.positions.empty()) {
    positions = start();
    for (size_t i = first; i < last; ++i) {
      const int64_t length = batch.offsets[i + 1] - batch.offsets[i];
      for (int64_t p = 0; p < length; ++p) numbers.push_back(static_cast<int32_t>(p));
    }
  } else {
    positions = append(batch.positions);
  }
  const size_t offsets = start();
  for (size_t i = first; i <= last; ++i) {
    numbers.push_back(static_cast<int32_t>(batch.offsets[i] - begin));
    if (i > first) {
      piece.most_rows = std::max(piece.most_rows, batch.offsets[i] - batch.offsets[i - 1]);
    }
  }
  const size_t part_begins = start();
  for (size_t p = first_part; p < last_part; ++p) {
    numbers.push_back(static_cast<int32_t>(batch.parts[p].begin - begin));
  }
  const size_t part_ends = start();
  for (size_t p = first_part; p < last_part; ++p) {
    numbers.push_back(static_cast<int32_t>(batch.parts[p].end - begin));
  }
  kernels::Gpu& gpu = *runner.gpu;
  FOOTNOTE_ASSIGN_OR_RETURN(void* memory,
                            runner.workspace.Bytes(kNumbers, numbers.size() * sizeof(int32_t)));
  FOOTNOTE_RETURN_IF_ERROR(gpu.CopyIn(memory, numbers.data(), numbers.size() * sizeof(int32_t)));
  const auto* base = static_cast<const int32_t*>(memory);
  piece.ids = base + ids;
  piece.types = batch.types.empty() ? nullptr : base + types;
  piece.positions = base + positions;
  piece.offsets = base + offsets;
  piece.rows = rows;
  piece.sequences = sequences;
  piece.part_begins = base + part_begins;
  piece.part_ends = base + part_ends;
  piece.parts = parts;
  const auto rows_at = [&results](int64_t row, int64_t count) {
    kernels::GpuMatrix view = results.First(count);
    view.data = static_cast<float*>(results.data) + row * results.stride;
    return view;
  };
  const auto all_sequences = static_cast<int64_t>(batch.offsets.size()) - 1;
  const kernels::GpuMatrix vectors = rows_at(static_cast<int64_t>(first), sequences);
  if (classify) return encoder_->Classify(gpu, runner.workspace, piece, vectors);
  return encoder_->Forward(gpu, runner.workspace, piece, vectors,
                           rows_at(all_sequences + static_cast<int64_t>(first_part), parts));
}

// All are enqueued before the first result is fetched: the device does not wait for the host.
Status GpuModel::RunPieces(EncoderRunner& runner, const EncoderBatch& batch, bool classify,
                           std::span<float> out) const {
  const size_t sequences = batch.offsets.size() - 1;
  const auto rows = static_cast<int64_t>(sequences + batch.parts.size());
  // Without gaps, so that one copy fetches them.
  FOOTNOTE_ASSIGN_OR_RETURN(void* memory, runner.workspace.Bytes(kVectors, out.size_bytes()));
  const kernels::GpuMatrix results =
      kernels::GpuMatrix::Of(memory, DType::kF32, rows, static_cast<int64_t>(out.size()) / rows);
  size_t part = 0;
  for (size_t first = 0; first < sequences;) {
    // Whole sequences up to the bound; at least one.
    size_t last = first + 1;
    while (last < sequences &&
           batch.offsets[last + 1] - batch.offsets[first] <= kEncoderPassTokens) {
      ++last;
    }
    size_t last_part = part;
    while (last_part < batch.parts.size() && batch.parts[last_part].begin < batch.offsets[last]) {
      ++last_part;
    }
    FOOTNOTE_RETURN_IF_ERROR(
        EnqueuePiece(runner, batch, first, last, part, last_part, classify, results));
    first = last;
    part = last_part;
  }
  return runner.gpu->CopyOut(out.data(), memory, out.size_bytes());
}

StatusOr<std::vector<float>> GpuModel::Run(const EncoderBatch& batch, int64_t columns,
                                           bool classify) const {
  const size_t sequences = batch.offsets.size() - 1;
  std::vector<float> out((sequences + batch.parts.size()) * static_cast<size_t>(columns));
  std::unique_ptr<EncoderRunner> runner;
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      runner = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (runner == nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<kernels::Gpu> stream, OpenStream());
    runner = std::make_unique<EncoderRunner>(std::move(stream));
  }
  const Status status = RunPieces(*runner, batch, classify, out);
  {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(runner));
  }
  FOOTNOTE_RETURN_IF_ERROR(status);
  return out;
}

StatusOr<std::vector<float>> GpuModel::Encode(const EncoderBatch& batch) const {
  return Run(batch, width_, /*classify=*/false);
}

StatusOr<std::vector<float>> GpuModel::Classify(const EncoderBatch& batch) const {
  return Run(batch, labels_, /*classify=*/true);
}

}  // namespace footnote::generator
