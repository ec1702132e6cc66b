// Nearest vectors of one segment by inner product, under a bitmap of allowed rows; FAISS behind it.
//
// Ids are the segment's row numbers 0 … rows - 1, without wrappers: FAISS 1.7.3 takes selectors in
// plain indexes only. The answer is complete: min(k, allowed) hits, and close to those of an exact
// scan however the allowed rows lie, because an approximate search that saw too few allowed rows is
// answered by scanning them. faiss:: and its exceptions are known to vector_index.cc alone.
// Threads: searches are concurrent; each uses its caller's thread alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "retriever/corpus_writer.h"

namespace footnote::retriever {

struct VectorHit {
  uint32_t row = 0;
  float score = 0;  // inner product: the cosine of unit vectors
};

struct VectorHits {
  std::vector<VectorHit> hits;  // best first
  bool exact_scan = false;      // all allowed rows were compared as the index holds them
};

// What is built for so many rows when `asked` is kAuto, and why, for people.
struct VectorIndexChoice {
  VectorIndexKind kind = VectorIndexKind::kFlat;
  std::string reason;
};
VectorIndexChoice ChooseVectorIndex(VectorIndexKind asked, size_t rows);
// The same where building may take `most_bytes` of memory: another kind if that fits, else the one
// that would take least.
VectorIndexChoice ChooseVectorIndex(VectorIndexKind asked, size_t rows, int width,
                                    uint64_t most_bytes);

// Memory that VectorIndex::Build takes, the index included: estimated from above.
uint64_t VectorIndexBuildBytes(VectorIndexKind kind, size_t rows, int width);

// "flat", "sq8", "hnsw", "ivf".
std::string_view VectorIndexName(VectorIndexKind kind);

class VectorIndex {
 public:
  // Gives vectors [first, first + out.size() / width) of those to be indexed; `first` is where the
  // call before ended, or 0.
  using VectorSource = std::function<Status(size_t first, std::span<float> out)>;

  // kind: not kAuto. Reads the vectors in order, in blocks, so that no more than the index and a
  // block are in memory; what rounds looks at the first of them before, to learn their range (IVF
  // also its lists, from many at once). The result is the
  // same for the same input, except for HNSW graphs built by several threads. Errors: the source's;
  // INTERNAL, RESOURCE_EXHAUSTED (memory).
  static StatusOr<std::unique_ptr<VectorIndex>> Build(VectorIndexKind kind, int width, size_t rows,
                                                      const VectorSource& source, int threads);
  // vectors: [rows, width].
  static StatusOr<std::unique_ptr<VectorIndex>> Build(VectorIndexKind kind, int width,
                                                      std::span<const float> vectors,
                                                      int threads = 1);
  // Errors: NOT_FOUND, DATA_LOSS (another checksum, kind or size than expected).
  static StatusOr<std::unique_ptr<VectorIndex>> Load(const std::filesystem::path& path,
                                                     const std::string& sha256,
                                                     VectorIndexKind kind, int width, size_t rows);
  ~VectorIndex();

  // Hands the bytes of a file that Load reads to `sink`, piece by piece. Errors: the sink's.
  Status WriteTo(const std::function<Status(std::string_view)>& sink) const;

  // allowed: one bit a row, lowest bit first; `allowed_count` of them are set. exact: compare all
  // allowed rows. A query of another width is INVALID_ARGUMENT.
  StatusOr<VectorHits> Search(std::span<const float> query, size_t k,
                              std::span<const uint8_t> allowed, size_t allowed_count,
                              bool exact) const;

  // Of HNSW searches: more finds more and takes longer. For measuring: not while others search.
  void set_beam(int beam);

  // Scores of the given rows, in order.
  StatusOr<std::vector<float>> Scores(std::span<const float> query,
                                      std::span<const uint32_t> rows) const;

  // Appends the vector of a row as the index holds it: rounded, when the kind rounds.
  Status Reconstruct(uint32_t row, std::vector<float>& out) const;

  size_t rows() const;
  // Whether the index holds rounded vectors (all kinds but flat): its scores are then approximate,
  // so a caller asks for RescoringDepth(k) hits and orders them by the stored vectors.
  bool rounds() const;
  static size_t RescoringDepth(size_t k) { return 2 * k + 100; }

 private:
  struct State;
  explicit VectorIndex(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace footnote::retriever
