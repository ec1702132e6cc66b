#include "retriever/storage/vector_index.h"

#include <faiss/Index.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexScalarQuantizer.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/FaissException.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>
#include <faiss/utils/distances.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <utility>

#include "common/sha256.h"
#include "retriever/storage/byte_scan.h"
#include "retriever/storage/vector_index_sizes.h"

namespace footnote::retriever {
namespace {

// Flat: below so many allowed rows a scan of the floats takes less than a millisecond.
constexpr size_t kMinByteScanRows = 8192;
// IVF: below this share of allowed rows a scan of them is cheaper than lists that mostly miss them.
constexpr double kMinAllowedShare = 0.05;
// IVF visits whole lists, many rows: when their allowed share is below the index's own by more than
// this, or below kMinVisitedShare, the filter hides the query's neighbourhood, and the neighbours
// left lie in any list.
constexpr double kMinRelativeShare = 0.95;
constexpr double kMinVisitedShare = 0.5;

// HNSW: what a search costs for each row of its beam, in rows of a scan: the beam looks at dozens
// of neighbours for each, in any order of memory (measured at 250,000 rows of width 384).
constexpr double kScannedRowsABeamRow = 40;
constexpr size_t kWidestBeam = 8192;

constexpr int kHnswBuildBeam = 160;
constexpr int kHnswSearchBeam = 512;  // recall@10 ≥ 0.95 for questions over a million chunks

// Of a file that is written in pieces: most calls of FAISS are for some bytes.
constexpr size_t kPieceBytes = size_t{1} << 20;

// The bitmap of allowed rows, counting what the search visited. One per search: not shared.
class CountingSelector : public faiss::IDSelector {
 public:
  explicit CountingSelector(std::span<const uint8_t> bits) : bits_(bits) {}

  bool is_member(int64_t id) const override {
    ++visited_;
    const bool member = Allows(id);
    allowed_ += member ? 1 : 0;
    return member;
  }

  bool Allows(int64_t id) const {
    const auto byte = static_cast<size_t>(id) >> 3;
    return id >= 0 && byte < bits_.size() && (bits_[byte] >> (id & 7) & 1) != 0;
  }

  // min_share: of allowed rows among those visited.
  bool WentThroughForbiddenGround(double min_share) const {
    return static_cast<double>(allowed_) < min_share * static_cast<double>(visited_);
  }

 private:
  std::span<const uint8_t> bits_;
  mutable int64_t visited_ = 0;
  mutable int64_t allowed_ = 0;
};

// Runs `body` and turns what FAISS throws into a status.
template <typename Body>
auto Guarded(const char* what, Body&& body, int threads = 1) -> decltype(body()) {
  // libgomp's setting is one per calling thread; in searches more than one would fight the engine's
  // threads.
  omp_set_num_threads(threads);
  try {
    return body();
  } catch (const faiss::FaissException& error) {
    return InternalError(std::string("FAISS failed to ") + what + ": " + error.what());
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError(std::string("not enough memory to ") + what);
  } catch (const std::exception& error) {
    return InternalError(std::string("FAISS failed to ") + what + ": " + error.what());
  }
}

// FAISS's vectors grow by doubling, and are held twice while they do; where its release has plain
// ones, they can be made as long as they will be.
template <typename Vector>
void Reserve(Vector& vector, size_t count) {
  if constexpr (requires { vector.reserve(count); }) vector.reserve(count);
}

// Keeps no row that is to be added from being copied.
void ReserveRows(faiss::Index& index, size_t rows) {
  auto* hnsw = dynamic_cast<faiss::IndexHNSW*>(&index);
  if (auto* codes =
          dynamic_cast<faiss::IndexFlatCodes*>(hnsw != nullptr ? hnsw->storage : &index)) {
    Reserve(codes->codes, rows * codes->code_size);
  }
  if (hnsw == nullptr) return;
  Reserve(hnsw->hnsw.levels, rows);
  Reserve(hnsw->hnsw.offsets, rows + 1);
  // A little more: layers are drawn at random.
  Reserve(hnsw->hnsw.neighbors,
          static_cast<size_t>(1.01 * HnswLinksARow() * static_cast<double>(rows)) + 4096);
}

// range: [2, columns], the least and the greatest number of each column; empty: none seen yet.
void Widen(std::vector<float>& range, std::span<const float> rows, size_t columns) {
  if (range.empty()) {
    range.assign(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(columns));
    range.insert(range.end(), rows.begin(), rows.begin() + static_cast<ptrdiff_t>(columns));
  }
  for (size_t at = 0; at < rows.size(); at += columns) {
    for (size_t j = 0; j < columns; ++j) {
      range[j] = std::min(range[j], rows[at + j]);
      range[columns + j] = std::max(range[columns + j], rows[at + j]);
    }
  }
}

// Collects small pieces. What the sink says ends the writing, as an exception of FAISS.
class SinkWriter : public faiss::IOWriter {
 public:
  explicit SinkWriter(const std::function<Status(std::string_view)>& sink) : sink_(sink) {}

  size_t operator()(const void* bytes, size_t size, size_t count) override {
    std::string_view left(static_cast<const char*>(bytes), size * count);
    while (!left.empty() && status_.ok()) {
      const size_t taken = std::min(left.size(), kPieceBytes - piece_.size());
      piece_ += left.substr(0, taken);
      left.remove_prefix(taken);
      if (piece_.size() == kPieceBytes) Flush();
    }
    return status_.ok() ? count : 0;
  }

  void Flush() {
    if (status_.ok() && !piece_.empty()) status_ = sink_(piece_);
    piece_.clear();
  }

  const Status& status() const { return status_; }

 private:
  const std::function<Status(std::string_view)>& sink_;
  std::string piece_;
  Status status_;
};

std::unique_ptr<faiss::Index> MakeIndex(VectorIndexKind kind, int width, size_t rows) {
  constexpr auto kMetric = faiss::METRIC_INNER_PRODUCT;
  constexpr auto kBytes = faiss::ScalarQuantizer::QT_8bit;
  switch (kind) {
    case VectorIndexKind::kSq8:
      return std::make_unique<faiss::IndexScalarQuantizer>(width, kBytes, kMetric);
    case VectorIndexKind::kHnsw: {
      auto hnsw = std::make_unique<faiss::IndexHNSWSQ>(width, kBytes, kHnswLinks, kMetric);
      hnsw->hnsw.efConstruction = kHnswBuildBeam;
      return hnsw;
    }
    case VectorIndexKind::kIvf: {
      auto quantizer = std::make_unique<faiss::IndexFlat>(width, kMetric);
      auto ivf = std::make_unique<faiss::IndexIVFScalarQuantizer>(
          quantizer.get(), static_cast<size_t>(width), ListCount(rows), kBytes, kMetric);
      quantizer.release();
      ivf->own_fields = true;
      return ivf;
    }
    default:
      return std::make_unique<faiss::IndexFlat>(width, kMetric);
  }
}

}  // namespace

struct VectorIndex::State {
  VectorIndexKind kind = VectorIndexKind::kFlat;
  std::unique_ptr<faiss::Index> index;
  // Views of `index`, by kind; null when it is another.
  faiss::IndexHNSW* hnsw = nullptr;
  faiss::IndexIVF* ivf = nullptr;
  std::unique_ptr<ByteScan> bytes;  // of a large flat index that was loaded

  // Casts and the settings that a file does not keep. False: `index` is not of this kind.
  bool Adopt() {
    switch (kind) {
      case VectorIndexKind::kFlat:
        return dynamic_cast<faiss::IndexFlat*>(index.get()) != nullptr;
      case VectorIndexKind::kSq8:
        return dynamic_cast<faiss::IndexScalarQuantizer*>(index.get()) != nullptr;
      case VectorIndexKind::kHnsw:
        hnsw = dynamic_cast<faiss::IndexHNSW*>(index.get());
        // In 1.7.3 the beam's width is this member; newer ones take the parameter.
        if (hnsw != nullptr) hnsw->hnsw.efSearch = kHnswSearchBeam;
        return hnsw != nullptr;
      case VectorIndexKind::kIvf:
        ivf = dynamic_cast<faiss::IndexIVF*>(index.get());
        if (ivf != nullptr) ivf->make_direct_map();
        return ivf != nullptr;
      default:
        return false;
    }
  }

  // For those that will search: not while an index is built, within a bound of memory.
  void MakeByteScan() {
    const auto rows = static_cast<size_t>(index->ntotal);
    if (kind != VectorIndexKind::kFlat || rows < kMinByteScanRows) return;
    const auto* flat = static_cast<const faiss::IndexFlat*>(index.get());
    bytes = std::make_unique<ByteScan>(flat->get_xb(), rows, static_cast<size_t>(flat->d));
  }

  // Flat: as its own searches score.
  float FlatScore(std::span<const float> query, uint32_t row) const {
    const auto* flat = static_cast<const faiss::IndexFlat*>(index.get());
    return faiss::fvec_inner_product(query.data(), flat->get_xb() + size_t{row} * query.size(),
                                     query.size());
  }

  // Flat: the true scores of those that are nearest by bytes.
  VectorHits ScanBytes(std::span<const float> query, size_t k,
                       std::span<const uint8_t> allowed) const {
    VectorHits found;
    for (const uint32_t row : bytes->Nearest(query, k + k / 4 + 64, allowed)) {
      found.hits.push_back({row, FlatScore(query, row)});
    }
    std::sort(found.hits.begin(), found.hits.end(), IsBetter);
    if (found.hits.size() > k) found.hits.resize(k);
    return found;
  }

  static bool IsBetter(const VectorHit& a, const VectorHit& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  }

  // Three of four lists: IVF is chosen for memory, and with fewer the neighbours that remain when a
  // filter hides the nearest were missed too often (random unit vectors: half the lists 0.87).
  size_t probes() const { return (3 * ivf->nlist + 3) / 4; }

  VectorHits Run(std::span<const float> query, size_t k, const CountingSelector& selector,
                 bool exact) const {
    std::vector<float> scores(k);
    std::vector<int64_t> ids(k, -1);
    const auto search = [&](const faiss::Index& searched, faiss::SearchParameters& parameters) {
      parameters.sel = const_cast<CountingSelector*>(&selector);
      searched.search(1, query.data(), static_cast<int64_t>(k), scores.data(), ids.data(),
                      &parameters);
    };
    if (hnsw != nullptr) {
      faiss::SearchParameters parameters;
      search(*hnsw->storage, parameters);
    } else if (ivf != nullptr) {
      faiss::SearchParametersIVF parameters;
      parameters.nprobe = exact ? ivf->nlist : probes();
      search(*ivf, parameters);
    } else {
      faiss::SearchParameters parameters;
      search(*index, parameters);
    }
    return Checked(ids, scores, selector);
  }

  struct Walked {
    VectorHits found;
    bool reliable = false;  // what is missing lies behind what was found
  };

  // The nearest allowed rows among the `beam` nearest of all, at most k. The graph is walked
  // without the filter: with one, FAISS gives allowed rows that the beam came by on its way to the
  // query's neighbourhood, when the filter hides that, and they need not be near (recall@10 0.4
  // with the nearest thousand of 250,000 hidden).
  Walked Walk(std::span<const float> query, size_t k, size_t beam,
              const CountingSelector& selector) const {
    std::vector<float> scores(beam);
    std::vector<int64_t> ids(beam, -1);
    faiss::SearchParametersHNSW parameters;
    parameters.efSearch = static_cast<int>(beam);
    // In 1.7.3 the beam is as wide as what is asked for, at least.
    hnsw->search(1, query.data(), static_cast<int64_t>(beam), scores.data(), ids.data(),
                 &parameters);
    Walked walked{Checked(ids, scores, selector), false};
    std::vector<VectorHit>& hits = walked.found.hits;
    // Towards its end a beam misses more and more: half of what is wanted must lie in its first
    // half.
    size_t first_half = 0;
    for (size_t i = 0; i < beam / 2; ++i) {
      first_half += ids[i] >= 0 && selector.Allows(ids[i]) ? 1 : 0;
    }
    walked.reliable = hits.size() >= k && 2 * first_half >= k;
    if (hits.size() > k) hits.resize(k);
    return walked;
  }

  // Walks with ever wider beams until k allowed rows are met; nothing where a scan of the allowed
  // rows is cheaper.
  std::optional<VectorHits> WalkUntilFull(std::span<const float> query, size_t k,
                                          size_t allowed_count,
                                          const CountingSelector& selector) const;
  // IVF; nothing where the filter hides too much of what the lists hold.
  std::optional<VectorHits> Probe(std::span<const float> query, size_t k, size_t allowed_count,
                                  const CountingSelector& selector) const;

  // Hits of FAISS that are allowed, best first.
  static VectorHits Checked(const std::vector<int64_t>& ids, const std::vector<float>& scores,
                            const CountingSelector& selector) {
    VectorHits found;
    for (size_t i = 0; i < ids.size(); ++i) {
      // FAISS versions differ in what selectors reach, so each id is checked again.
      if (ids[i] >= 0 && selector.Allows(ids[i])) {
        found.hits.push_back({static_cast<uint32_t>(ids[i]), scores[i]});
      }
    }
    std::sort(found.hits.begin(), found.hits.end(), IsBetter);
    return found;
  }
};

std::optional<VectorHits> VectorIndex::State::WalkUntilFull(
    std::span<const float> query, size_t k, size_t allowed_count,
    const CountingSelector& selector) const {
  const auto rows = static_cast<size_t>(index->ntotal);
  // As wide as it takes to meet k allowed rows, were they spread evenly.
  const double share = static_cast<double>(allowed_count) / static_cast<double>(rows);
  double wanted = std::max<double>(hnsw->hnsw.efSearch, 1.3 * static_cast<double>(k) / share);
  double spent = 0;
  for (;;) {
    const auto beam = static_cast<size_t>(std::min(wanted, static_cast<double>(rows)));
    spent += kScannedRowsABeamRow * static_cast<double>(beam);
    // What a scan would cost.
    if (beam > kWidestBeam || spent > static_cast<double>(allowed_count)) return std::nullopt;
    Walked walked = Walk(query, k, beam, selector);
    if (walked.reliable) return std::move(walked.found);
    // The filter hides part of the neighbourhood: further out.
    const double met = static_cast<double>(std::max<size_t>(walked.found.hits.size(), 1));
    wanted = static_cast<double>(beam) * std::clamp(1.5 * static_cast<double>(k) / met, 2.0, 8.0);
  }
}

std::optional<VectorHits> VectorIndex::State::Probe(std::span<const float> query, size_t k,
                                                    size_t allowed_count,
                                                    const CountingSelector& selector) const {
  const double share = static_cast<double>(allowed_count) / static_cast<double>(index->ntotal);
  if (share < kMinAllowedShare) return std::nullopt;
  VectorHits found = Run(query, k, selector, /*exact=*/false);
  const bool lost =
      selector.WentThroughForbiddenGround(std::max(kMinVisitedShare, kMinRelativeShare * share));
  if (found.hits.size() < k || lost) return std::nullopt;
  return found;
}

VectorIndex::VectorIndex(std::unique_ptr<State> state) : state_(std::move(state)) {}
VectorIndex::~VectorIndex() = default;
bool VectorIndex::rounds() const {
  const faiss::Index* storage =
      state_->hnsw != nullptr ? state_->hnsw->storage : state_->index.get();
  return dynamic_cast<const faiss::IndexFlat*>(storage) == nullptr;
}
void VectorIndex::set_beam(int beam) {
  if (state_->hnsw != nullptr) state_->hnsw->hnsw.efSearch = beam;
}

size_t VectorIndex::rows() const { return static_cast<size_t>(state_->index->ntotal); }

StatusOr<std::unique_ptr<VectorIndex>> VectorIndex::Build(VectorIndexKind kind, int width,
                                                          size_t rows, const VectorSource& source,
                                                          int threads) {
  using Result = StatusOr<std::unique_ptr<VectorIndex>>;
  const auto build = [&]() -> Result {
    auto state = std::make_unique<State>();
    state->kind = kind == VectorIndexKind::kAuto ? VectorIndexKind::kFlat : kind;
    state->index = MakeIndex(kind, width, rows);
    faiss::Index& index = *state->index;
    const auto columns = static_cast<size_t>(width);
    std::vector<float> block;
    size_t next = 0;
    const auto read = [&](size_t most) {
      const size_t count = std::min(most, rows - next);
      block.resize(count * columns);
      const Status status = source(next, block);
      next += count;
      return status;
    };
    if (!index.is_trained && rows > 0) {
      if (kind == VectorIndexKind::kIvf) {
        FOOTNOTE_RETURN_IF_ERROR(
            read(std::max(kTrainingRows, kTrainingRowsAList * ListCount(rows))));
      } else {
        // All that matters for rounding to bytes is the range of each column.
        std::vector<float> range;
        while (next < std::min(rows, kTrainingRows)) {
          FOOTNOTE_RETURN_IF_ERROR(read(std::min(kBlockRows, kTrainingRows - next)));
          Widen(range, block, columns);
        }
        block = std::move(range);
      }
      index.train(static_cast<int64_t>(block.size() / columns), block.data());
      block = {};
      next = 0;
    }
    ReserveRows(index, rows);
    while (next < rows) {
      FOOTNOTE_RETURN_IF_ERROR(read(kBlockRows));
      index.add(static_cast<int64_t>(block.size() / columns), block.data());
    }
    if (!state->Adopt()) return InternalError("FAISS built another index than was asked for");
    return std::unique_ptr<VectorIndex>(new VectorIndex(std::move(state)));
  };
  return Guarded("build the vector index", build, std::max(threads, 1));
}

StatusOr<std::unique_ptr<VectorIndex>> VectorIndex::Build(VectorIndexKind kind, int width,
                                                          std::span<const float> vectors,
                                                          int threads) {
  const auto columns = static_cast<size_t>(width);
  const auto copy = [&](size_t first, std::span<float> out) {
    const std::span<const float> part = vectors.subspan(first * columns, out.size());
    std::copy(part.begin(), part.end(), out.begin());
    return OkStatus();
  };
  return Build(kind, width, vectors.size() / columns, copy, threads);
}

StatusOr<std::unique_ptr<VectorIndex>> VectorIndex::Load(const std::filesystem::path& path,
                                                         const std::string& sha256,
                                                         VectorIndexKind kind, int width,
                                                         size_t rows) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string actual, Sha256HexOfFile(path));
  // Before FAISS sees a byte: its reader trusts what it reads.
  if (actual != sha256) {
    return DataLossError("\"" + path.string() + "\" does not have the checksum that it was given");
  }
  using Result = StatusOr<std::unique_ptr<VectorIndex>>;
  return Guarded("read the vector index", [&]() -> Result {
    auto state = std::make_unique<State>();
    state->kind = kind;
    state->index.reset(faiss::read_index(path.c_str()));
    if (state->index->d != width || static_cast<size_t>(state->index->ntotal) != rows ||
        !state->Adopt()) {
      return DataLossError("\"" + path.string() + "\" holds another index than its segment");
    }
    state->MakeByteScan();
    return std::unique_ptr<VectorIndex>(new VectorIndex(std::move(state)));
  });
}

Status VectorIndex::WriteTo(const std::function<Status(std::string_view)>& sink) const {
  SinkWriter writer(sink);
  const Status status = Guarded("write the vector index", [&]() -> Status {
    // The direct map is derived, and 8 bytes a row.
    if (state_->ivf != nullptr) state_->ivf->set_direct_map_type(faiss::DirectMap::NoMap);
    faiss::write_index(state_->index.get(), &writer);
    writer.Flush();
    if (state_->ivf != nullptr) state_->ivf->make_direct_map();
    return OkStatus();
  });
  return writer.status().ok() ? status : writer.status();
}

StatusOr<VectorHits> VectorIndex::Search(std::span<const float> query, size_t k,
                                         std::span<const uint8_t> allowed, size_t allowed_count,
                                         bool exact) const {
  if (query.size() != static_cast<size_t>(state_->index->d)) {
    return InvalidArgumentError("the query's vector has " + std::to_string(query.size()) +
                                " numbers, the corpus's have " + std::to_string(state_->index->d));
  }
  k = std::min(k, allowed_count);
  if (k == 0) return VectorHits{{}, true};
  return Guarded("search the vectors", [&]() -> StatusOr<VectorHits> {
    const CountingSelector selector(allowed);
    if (!exact && state_->hnsw != nullptr) {
      if (auto found = state_->WalkUntilFull(query, k, allowed_count, selector)) return *found;
    }
    if (!exact && state_->ivf != nullptr) {
      if (auto found = state_->Probe(query, k, allowed_count, selector)) return *found;
    }
    if (!exact && state_->bytes != nullptr && allowed_count >= kMinByteScanRows) {
      return state_->ScanBytes(query, k, allowed);
    }
    const CountingSelector uncounted(allowed);
    VectorHits found = state_->Run(query, k, uncounted, /*exact=*/true);
    found.exact_scan = true;
    return found;
  });
}

Status VectorIndex::Reconstruct(uint32_t row, std::vector<float>& out) const {
  return Guarded("read a vector back", [&]() -> Status {
    const size_t start = out.size();
    out.resize(start + static_cast<size_t>(state_->index->d));
    state_->index->reconstruct(row, out.data() + start);
    return OkStatus();
  });
}

StatusOr<std::vector<float>> VectorIndex::Scores(std::span<const float> query,
                                                 std::span<const uint32_t> rows) const {
  return Guarded("compare vectors", [&]() -> StatusOr<std::vector<float>> {
    std::vector<float> scores;
    scores.reserve(rows.size());
    if (state_->kind == VectorIndexKind::kFlat) {
      for (const uint32_t row : rows) scores.push_back(state_->FlatScore(query, row));
      return scores;
    }
    std::vector<float> vector(query.size());
    for (uint32_t row : rows) {
      state_->index->reconstruct(row, vector.data());
      double sum = 0;
      for (size_t i = 0; i < query.size(); ++i) sum += double{query[i]} * vector[i];
      scores.push_back(static_cast<float>(sum));
    }
    return scores;
  });
}

}  // namespace footnote::retriever
