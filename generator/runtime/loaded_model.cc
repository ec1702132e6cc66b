#include "generator/runtime/loaded_model.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "generator/runtime/gpu_decoder_runner.h"
#include "generator/runtime/packed_cache.h"
#include "generator/templates/special_tokens.h"
#include "generator/templates/templates.h"
#include "kernels/dtype.h"

namespace footnote::generator {
namespace {

namespace fs = std::filesystem;

// Rows of a pass over a long sequence, and tokens of a pass over many short ones: enough to keep
// the matrix products efficient, few enough to bound the activations.
constexpr int64_t kChunkRows = 256;
constexpr int64_t kGpuChunkRows = 2048;
constexpr int64_t kEncoderBatchTokens = 4096;

std::string NameOf(const WeightSource& source, const fs::path& path) {
  if (source.format() == WeightFormat::kGguf) {
    const StatusOr<std::string> name = source.GetString("general.name");
    return name.ok() && !name->empty() ? *name : path.stem().string();
  }
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(path, error);
  return (error ? path : absolute).filename().string();
}

ModelInfo Describe(const WeightSource& source, const Network& network, const fs::path& path) {
  ModelInfo info;
  info.name = NameOf(source, path);
  info.kind = network.decoder != nullptr ? ModelKind::kDecoder : ModelKind::kEncoder;
  for (const StoredTensor& tensor : source.tensors()) {
    info.parameters += tensor.elements();
    info.weight_bytes += static_cast<int64_t>(tensor.bytes.size());
    ++info.tensors_by_format[std::string(kernels::DTypeName(tensor.dtype))];
  }
  const NetworkShape& shape = network.shape;
  info.context_tokens = static_cast<int>(shape.context_tokens);
  info.layers = static_cast<int>(shape.layers);
  info.width = static_cast<int>(shape.width);
  info.heads = static_cast<int>(shape.heads);
  info.kv_heads = static_cast<int>(shape.kv_heads);
  info.head_width = static_cast<int>(shape.head_width);
  info.vocabulary_size = static_cast<int>(shape.vocabulary_size);
  return info;
}

template <typename T>
Status CheckRange(std::span<const T> values, int64_t size, const char* what) {
  for (const T value : values) {
    if (value < 0 || value >= size) {
      return InvalidArgumentError(std::string(what) + " " + std::to_string(value) +
                                  " is out of range; the model has " + std::to_string(size));
    }
  }
  return OkStatus();
}

}  // namespace

StatusOr<std::shared_ptr<const LoadedModel>> LoadedModel::Load(const fs::path& path,
                                                               const ModelOptions& options) {
  std::shared_ptr<LoadedModel> model(new LoadedModel());
  model->path_ = path;
  model->options_ = options;
  FOOTNOTE_ASSIGN_OR_RETURN(model->isa_, options.isa.has_value()
                                             ? StatusOr<kernels::Isa>(*options.isa)
                                             : kernels::DefaultIsa());
  FOOTNOTE_ASSIGN_OR_RETURN(model->source_, OpenWeights(path));
  FOOTNOTE_ASSIGN_OR_RETURN(model->network_, BuildNetwork(*model->source_));
  // A folder may hold a GGUF; its vocabulary is in that file.
  const bool gguf = model->source_->format() == WeightFormat::kGguf;
  FOOTNOTE_ASSIGN_OR_RETURN(model->tokenizer_,
                            Tokenizer::Load(gguf ? model->source_->files().front() : path));
  model->info_ = Describe(*model->source_, model->network_, path);
  FOOTNOTE_ASSIGN_OR_RETURN(model->info_.architecture, ArchitectureName(*model->source_));
  model->info_.tokenizer = model->tokenizer_->name();
  if (model->encoder() != nullptr) {
    const std::span<const std::string> labels = model->encoder()->labels();
    model->info_.labels.assign(labels.begin(), labels.end());
    model->info_.labels_tokens = model->encoder()->labels_tokens();
    model->info_.vector_width = static_cast<int>(model->encoder()->output_width());
  }
  const std::string& template_text = model->source_->chat_template();
  if (!options.template_family.empty() && model->decoder() != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(model->chat_template_,
                              ChatTemplate::FromFamily(options.template_family));
  } else if (options.load_chat_template && !template_text.empty()) {
    TemplateContext context;
    FOOTNOTE_ASSIGN_OR_RETURN(context.special_tokens,
                              SpecialTokensOf(*model->source_, *model->tokenizer_));
    StatusOr<std::unique_ptr<ChatTemplate>> own =
        ChatTemplate::FromModelTemplate(template_text, std::move(context));
    if (own.ok()) {
      model->chat_template_ = *std::move(own);
    } else {
      model->info_.template_problem = own.status().message() +
                                      "; choose a family with --chat-template (" +
                                      TemplateFamilyNames() + ")";
    }
  }
  if (model->chat_template_ != nullptr) {
    model->info_.template_family = std::string(model->chat_template_->family());
    model->info_.template_folds_system = model->chat_template_->folds_system();
  }
  model->threads_ = std::make_unique<ThreadPool>(options.threads);
  // The first context checks that this CPU has the instruction set asked for.
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<Runner> runner, model->MakeRunner());
  model->ReturnRunner(std::move(runner));
  FOOTNOTE_RETURN_IF_ERROR(model->ChooseAndUpload());
  const bool rests_here =
      model->gpu_ == nullptr || (model->gpu_->decoder() != nullptr &&
                                 model->gpu_->plan().layers < model->network_.shape.layers);
  if (rests_here) FOOTNOTE_RETURN_IF_ERROR(model->PackWeights());
  return std::shared_ptr<const LoadedModel>(std::move(model));
}

Status LoadedModel::ChooseAndUpload() {
  info_.isa = std::string(kernels::IsaName(isa_));
  info_.device = "CPU (" + info_.isa + ")";
  const GpuOpener open =
      options_.open_gpu == nullptr ? GpuOpener(kernels::OpenGpu) : options_.open_gpu;
  FOOTNOTE_ASSIGN_OR_RETURN(const DeviceChoice choice, ChooseDevice(options_.device, open));
  info_.device_note = choice.note;
  if (choice.cpu) return OkStatus();
  StatusOr<std::unique_ptr<GpuModel>> gpu = GpuModel::Create(network_, options_, choice.gpu);
  if (!gpu.ok() && options_.device == "auto") {
    info_.device_note = gpu.status().message();
    return OkStatus();
  }
  if (!gpu.ok()) return gpu.status().WithContext(info_.name + " on " + options_.device);
  gpu_ = *std::move(gpu);
  info_.device = gpu_->description();
  info_.isa = gpu_->isa();
  if (gpu_->decoder() != nullptr && gpu_->plan().layers < network_.shape.layers) {
    info_.device += ", " + std::to_string(gpu_->plan().layers) + " of " +
                    std::to_string(network_.shape.layers) + " layers, the rest on the CPU";
  }
  return OkStatus();
}

Status LoadedModel::PackWeights() {
  std::vector<kernels::Weight*> matrices =
      decoder() != nullptr ? network_.decoder->Matrices() : network_.encoder->Matrices();
  // In exact precision quantised weights are decoded where they are used.
  if (options_.precision == kernels::Precision::kExact) {
    std::erase_if(matrices,
                  [](const kernels::Weight* w) { return kernels::BlockElements(w->dtype) > 1; });
  }
  auto plain = kernels::PlainWeights::kAsStored;
  if (options_.precision == kernels::Precision::kInt8) {
    plain = encoder() != nullptr ? kernels::PlainWeights::kGroups : kernels::PlainWeights::kQ8_0;
  }
  if (options_.precision == kernels::Precision::kBf16) plain = kernels::PlainWeights::kBf16;
  if (plain == kernels::PlainWeights::kGroups) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<Runner> runner, BorrowRunner());
    Status measured = network_.encoder->Prepare(*runner->context);
    if (measured.ok()) {
      measured = network_.encoder->MeasureSpreads(*runner->context, runner->workspace);
    }
    ReturnRunner(std::move(runner));
    FOOTNOTE_RETURN_IF_ERROR(measured);
  }
  const auto pack = [&](const kernels::PackedAllocator& allocate) {
    return kernels::PackedWeights::Pack(
        matrices, isa_, plain, threads_.get(), allocate,
        [&](std::span<const std::byte> read) { source_->DropResidentPages(read); });
  };
  const PackedCachePlace place = FindPackedCache(options_.packed_cache);
  if (!place.folder.empty()) {
    auto cache = std::make_unique<PackedCache>(
        place.folder, path_.stem().string(),
        FilesIdentity(source_->files()) + std::string(kernels::IsaName(isa_)) + " " +
            std::string(kernels::PrecisionName(options_.precision)) +
            (plain == kernels::PlainWeights::kGroups ? " groups" : ""));
    StatusOr<std::unique_ptr<kernels::PackedWeights>> packed = pack([&](size_t bytes) {
      return bytes < place.least_bytes ? kernels::AllocatePackedMemory(bytes) : cache->Map(bytes);
    });
    if (packed.ok()) {
      packed_ = *std::move(packed);
      // What is mapped stays usable when it cannot be kept; the next start packs again.
      if (Status kept = cache->Publish(); !kept.ok()) info_.packed_cache_problem = kept.message();
    } else {
      info_.packed_cache_problem = packed.status().message();
    }
  }
  if (packed_ == nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(packed_, pack(kernels::AllocatePackedMemory));
  }
  if (encoder() != nullptr && plain != kernels::PlainWeights::kGroups) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<Runner> runner, BorrowRunner());
    const Status prepared = network_.encoder->Prepare(*runner->context);
    ReturnRunner(std::move(runner));
    FOOTNOTE_RETURN_IF_ERROR(prepared);
  }
  if (packed_->in_file()) {
    mover_ = std::jthread([this](const std::stop_token& stop) {
      // Answers go before, but not so far that a busy service never gets there.
      ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 5);
      // Without memory for it, products go on reading the mapped file: the same bits.
      packed_->MoveToMemory([&stop] { return stop.stop_requested(); }).IgnoreError();
    });
  }
  return OkStatus();
}

KvShape LoadedModel::kv_shape() const {
  const NetworkShape& shape = network_.shape;
  const bool exact = options_.precision == kernels::Precision::kExact;
  return {shape.layers, shape.kv_heads, shape.head_width,
          exact ? kernels::DType::kF32 : kernels::DType::kF16};
}

StatusOr<std::unique_ptr<LoadedModel::Runner>> LoadedModel::MakeRunner() const {
  auto runner = std::make_unique<Runner>();
  FOOTNOTE_ASSIGN_OR_RETURN(runner->context,
                            kernels::Context::Create(threads_.get(), isa_, options_.precision));
  return runner;
}

StatusOr<std::unique_ptr<LoadedModel::Runner>> LoadedModel::BorrowRunner() const {
  {
    std::lock_guard lock(runners_mutex_);
    if (!idle_runners_.empty()) {
      std::unique_ptr<Runner> runner = std::move(idle_runners_.back());
      idle_runners_.pop_back();
      return runner;
    }
  }
  return MakeRunner();
}

void LoadedModel::ReturnRunner(std::unique_ptr<Runner> runner) const {
  std::lock_guard lock(runners_mutex_);
  idle_runners_.push_back(std::move(runner));
}

StatusOr<std::vector<float>> LoadedModel::Logits(std::span<const TokenId> ids) const {
  if (decoder() == nullptr) {
    return InvalidArgumentError(info_.name + " is an encoder; it has no logits of next tokens");
  }
  if (ids.empty()) return InvalidArgumentError("the sequence is empty");
  const int64_t count = static_cast<int64_t>(ids.size());
  const int64_t vocabulary = network_.shape.vocabulary_size;
  if (count > network_.shape.context_tokens) {
    return InvalidArgumentError("the sequence has " + std::to_string(count) +
                                " tokens; the model's context holds " +
                                std::to_string(network_.shape.context_tokens));
  }
  FOOTNOTE_RETURN_IF_ERROR(CheckRange(ids, vocabulary, "token id"));
  if (gpu_ != nullptr) return GpuLogits(ids);
  const int64_t pages = PagePool::PagesFor(count);
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> cache, KvCache::Create(kv_shape(), pages));
  PageList list(&cache->pool());
  FOOTNOTE_RETURN_IF_ERROR(list.Reserve(count));
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<Runner> runner, BorrowRunner());
  std::vector<float> logits(static_cast<size_t>(count * vocabulary));
  Status status;
  for (int64_t begin = 0; begin < count && status.ok(); begin += kChunkRows) {
    const int64_t rows = std::min(kChunkRows, count - begin);
    kernels::KvSequence sequence;
    sequence.rows = rows;
    sequence.first_position = begin;
    sequence.pages = list.pages();
    sequence.known_positions = count;
    std::vector<int64_t> wanted(static_cast<size_t>(rows));
    for (int64_t row = 0; row < rows; ++row) wanted[static_cast<size_t>(row)] = row;
    const DecoderBatch batch{
        ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(rows)), {&sequence, 1}, wanted};
    status = decoder()->Forward(
        *runner->context, runner->workspace, batch, cache->layers(),
        kernels::Matrix::Of(logits.data() + begin * vocabulary, rows, vocabulary));
  }
  ReturnRunner(std::move(runner));
  FOOTNOTE_RETURN_IF_ERROR(status);
  return logits;
}

StatusOr<std::optional<DeviceFigures>> LoadedModel::MeasureDevice() const {
  const NetworkShape& shape = network_.shape;
  if (gpu_ == nullptr || gpu_->plan().layers < shape.layers) return std::optional<DeviceFigures>();
  DeviceFigures figures;
  FOOTNOTE_ASSIGN_OR_RETURN(figures.ceilings, gpu_->MeasureCeilings());
  const std::vector<kernels::Weight*> matrices =
      decoder() != nullptr ? network_.decoder->Matrices() : network_.encoder->Matrices();
  for (const kernels::Weight* w : matrices) figures.layer_parameters += w->rows * w->columns;
  if (decoder() != nullptr) {
    const kernels::Weight& head = *matrices.back();
    figures.head_parameters = head.rows * head.columns;
    figures.layer_parameters -= figures.head_parameters;
    figures.step_weight_bytes = gpu_->decoder()->step_weight_bytes();
    figures.kv_bytes_per_position = 2 * shape.layers * shape.kv_heads * shape.head_width *
                                    kernels::BlockBytes(gpu_->plan().cache);
  }
  return std::optional(figures);
}

StatusOr<std::vector<float>> LoadedModel::GpuLogits(std::span<const TokenId> ids) const {
  const auto count = static_cast<int64_t>(ids.size());
  const int64_t vocabulary = network_.shape.vocabulary_size;
  const int64_t position_bytes = network_.shape.layers * network_.shape.kv_heads *
                                 network_.shape.head_width * 2 * int64_t{sizeof(float)};
  const int64_t pages = PagePool::PagesFor(count) + 1;
  // The runner borrows this model; it ends before the call does.
  const std::shared_ptr<const LoadedModel> borrowed(std::shared_ptr<void>(), this);
  FOOTNOTE_ASSIGN_OR_RETURN(
      const auto runner,
      GpuDecoderRunner::Create(borrowed, pages * kernels::kPageTokens * position_bytes));
  PageList list(&runner->pages());
  FOOTNOTE_RETURN_IF_ERROR(list.Reserve(count));
  std::vector<float> logits(static_cast<size_t>(count * vocabulary));
  for (int64_t begin = 0; begin < count; begin += kGpuChunkRows) {
    const int64_t rows = std::min(kGpuChunkRows, count - begin);
    kernels::KvSequence sequence;
    sequence.rows = rows;
    sequence.first_position = begin;
    sequence.pages = list.pages();
    sequence.known_positions = count;
    std::vector<int64_t> wanted(static_cast<size_t>(rows));
    std::iota(wanted.begin(), wanted.end(), int64_t{0});
    const DecoderBatch batch{
        ids.subspan(static_cast<size_t>(begin), static_cast<size_t>(rows)), {&sequence, 1}, wanted};
    FOOTNOTE_RETURN_IF_ERROR(runner->Step(
        batch, kernels::Matrix::Of(logits.data() + begin * vocabulary, rows, vocabulary)));
  }
  return logits;
}

Status LoadedModel::CheckEncoderBatch(const EncoderBatch& batch) const {
  if (encoder() == nullptr) {
    return InvalidArgumentError(info_.name + " is a decoder; it neither embeds nor classifies");
  }
  const size_t count = batch.ids.size();
  bool fits = batch.offsets.size() >= 2 && batch.offsets.front() == 0 &&
              batch.offsets.back() == static_cast<int64_t>(count) &&
              (batch.types.empty() || batch.types.size() == count) &&
              (batch.positions.empty() || batch.positions.size() == count) &&
              (batch.places.empty() || batch.places.size() == count);
  for (size_t i = 0; fits && i + 1 < batch.offsets.size(); ++i) {
    const int64_t length = batch.offsets[i + 1] - batch.offsets[i];
    fits = length > 0;
    if (batch.positions.empty() && length > encoder()->longest_input()) {
      return InvalidArgumentError("sequence " + std::to_string(i) + " has " +
                                  std::to_string(length) + " tokens; the model has " +
                                  std::to_string(encoder()->longest_input()) + " positions");
    }
  }
  if (!fits) {
    return InvalidArgumentError(
        "the batch's sequences are empty or disagree with its ids, types, positions or places in "
        "length");
  }
  if (std::ranges::any_of(batch.places, [](int32_t place) { return place < 0; })) {
    return InvalidArgumentError("a token's place in its row is below 0");
  }
  int64_t free = 0;     // the first token behind the part before
  size_t sequence = 0;  // of the part
  for (const EncoderBatch::Part& part : batch.parts) {
    while (sequence + 2 < batch.offsets.size() && part.begin >= batch.offsets[sequence + 1]) {
      ++sequence;
    }
    if (part.begin < free || part.end <= part.begin || part.end > batch.offsets[sequence + 1]) {
      return InvalidArgumentError(
          "the batch's parts are empty, out of order, or in more than one sequence");
    }
    free = part.end;
  }
  FOOTNOTE_RETURN_IF_ERROR(
      CheckRange<TokenId>(batch.ids, network_.shape.vocabulary_size, "token id"));
  if (encoder()->type_count() > 0) {
    FOOTNOTE_RETURN_IF_ERROR(
        CheckRange<int32_t>(batch.types, encoder()->type_count(), "token type"));
  }
  return CheckRange<int32_t>(batch.positions, encoder()->position_count(), "position");
}

std::vector<int32_t> LoadedModel::Positions(std::span<const TokenId> row) const {
  std::vector<int32_t> positions;
  if (encoder() != nullptr) encoder()->AppendPositions(row, positions);
  return positions;
}

StatusOr<EncoderBatch> LoadedModel::CompleteBatch(const EncoderBatch& batch) const {
  FOOTNOTE_RETURN_IF_ERROR(CheckEncoderBatch(batch));
  EncoderBatch complete = batch;
  if (encoder()->type_count() == 0) complete.types.clear();
  if (!batch.positions.empty()) return complete;
  for (size_t i = 0; i + 1 < batch.offsets.size(); ++i) {
    const auto begin = static_cast<size_t>(batch.offsets[i]);
    encoder()->AppendPositions(
        std::span(batch.ids).subspan(begin, static_cast<size_t>(batch.offsets[i + 1]) - begin),
        complete.positions);
  }
  FOOTNOTE_RETURN_IF_ERROR(
      CheckRange<int32_t>(complete.positions, encoder()->position_count(), "position"));
  return complete;
}

Status LoadedModel::RunPieces(const EncoderBatch& batch, const PieceRunner& run) const {
  const size_t sequences = batch.offsets.size() - 1;
  FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<Runner> runner, BorrowRunner());
  Status status;
  const auto part = [](const auto& from, int64_t begin, int64_t end) {
    using Vector = std::decay_t<decltype(from)>;
    return from.empty() ? Vector() : Vector(from.begin() + begin, from.begin() + end);
  };
  size_t next_part = 0;
  for (size_t first = 0; first < sequences && status.ok();) {
    // Whole sequences up to the bound; at least one.
    size_t last = first + 1;
    while (last < sequences &&
           batch.offsets[last + 1] - batch.offsets[first] <= kEncoderBatchTokens) {
      ++last;
    }
    const int64_t begin = batch.offsets[first];
    const int64_t end = batch.offsets[last];
    EncoderBatch piece{part(batch.ids, begin, end),
                       part(batch.types, begin, end),
                       part(batch.positions, begin, end),
                       {},
                       {},
                       part(batch.places, begin, end)};
    for (size_t i = first; i <= last; ++i) piece.offsets.push_back(batch.offsets[i] - begin);
    const size_t first_part = next_part;
    for (; next_part < batch.parts.size() && batch.parts[next_part].begin < end; ++next_part) {
      const EncoderBatch::Part& each = batch.parts[next_part];
      piece.parts.push_back({each.begin - begin, each.end - begin});
    }
    status = run(*runner, piece, first, first_part);
    first = last;
  }
  ReturnRunner(std::move(runner));
  return status;
}

StatusOr<std::vector<float>> LoadedModel::Encode(const EncoderBatch& incomplete) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const EncoderBatch batch, CompleteBatch(incomplete));
  if (gpu_ != nullptr) return gpu_->Encode(batch);
  const size_t sequences = batch.offsets.size() - 1;
  const int64_t width = encoder()->output_width();
  std::vector<float> vectors((sequences + batch.parts.size()) * static_cast<size_t>(width));
  std::vector<float> rows;  // of a piece: its sequences, then its parts
  const auto encode = [&](Runner& runner, const EncoderBatch& piece, size_t first,
                          size_t first_part) -> Status {
    const size_t piece_sequences = piece.offsets.size() - 1;
    const auto count = static_cast<int64_t>(piece_sequences + piece.parts.size());
    rows.resize(static_cast<size_t>(count * width));
    FOOTNOTE_RETURN_IF_ERROR(encoder()->Forward(*runner.context, runner.workspace, piece,
                                                kernels::Matrix::Of(rows.data(), count, width)));
    const auto behind_sequences = rows.begin() + static_cast<int64_t>(piece_sequences) * width;
    std::copy(rows.begin(), behind_sequences,
              vectors.begin() + static_cast<int64_t>(first) * width);
    std::copy(behind_sequences, rows.end(),
              vectors.begin() + static_cast<int64_t>(sequences + first_part) * width);
    return OkStatus();
  };
  FOOTNOTE_RETURN_IF_ERROR(RunPieces(batch, encode));
  return vectors;
}

StatusOr<std::vector<float>> LoadedModel::Classify(const EncoderBatch& incomplete) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const EncoderBatch batch, CompleteBatch(incomplete));
  if (info_.labels.empty()) {
    return InvalidArgumentError(info_.name + " has no classifying head and scores nothing; use a " +
                                "folder of a ...ForSequenceClassification model (a cross-encoder) "
                                "or a ...ForTokenClassification model");
  }
  if (!batch.parts.empty()) return InvalidArgumentError("a head scores sequences, not parts");
  if (gpu_ != nullptr) return gpu_->Classify(batch);
  const size_t labels = info_.labels.size();
  const size_t sequences = batch.offsets.size() - 1;
  std::vector<float> logits((info_.labels_tokens ? batch.ids.size() : sequences) * labels);
  const auto classify = [&](Runner& runner, const EncoderBatch& piece, size_t first, size_t) {
    const size_t rows = info_.labels_tokens ? piece.ids.size() : piece.offsets.size() - 1;
    const size_t before = info_.labels_tokens ? static_cast<size_t>(batch.offsets[first]) : first;
    return encoder()->Classify(
        *runner.context, runner.workspace, piece,
        kernels::Matrix::Of(logits.data() + before * labels, static_cast<int64_t>(rows),
                            static_cast<int64_t>(labels)));
  };
  FOOTNOTE_RETURN_IF_ERROR(RunPieces(batch, classify));
  return logits;
}

}  // namespace footnote::generator
