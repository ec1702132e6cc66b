// A block of four warps that attends 64 * kM rows of one head to keys in tiles of 64: the body of
// prefill (keys in pages, causal) and of packed attention (keys in rows, all seen). Device code.
//
// Each warp owns 16 * kM rows, and loads 16 of a tile's keys for all: a page's worth. Values load
// while scores are computed, the next keys while sums are.
#pragma once

#include "kernels/cuda/attention_tile.h"
#include "kernels/kv_pages.h"

namespace footnote::kernels::cuda {

inline constexpr int kBlockWarps = 4;
inline constexpr int kBlockKeys = 64;

template <int kD, int kM>
constexpr int AttendBlockBytes() {
  return (64 * kM + 2 * kBlockKeys) * (kD + kTilePad) * 2;
}

struct RowTile {
  int rows;            // 1 … 64 * kM
  int first_position;  // of row 0
  int key_begin;       // keys that any row sees; a multiple of 16
  int key_end;
};

// Keys: Find(group) gives the place of keys 16 * group … + 15, Offset(place) their element offset,
// stride() their distance, kStride the same if it is constant, else 0.
// kCausal: rows see keys up to their position (and within the window); else all below key_end.
// kCapped: a softcap may be given. load_queries(to, row, lane) copies 16 of the tile's rows, zeros
// behind the last. store(row of the tile, column, a, b) gets results in pairs; store_weight(row,
// largest score, sum of probabilities relative to it) comes before, from one lane.
template <int kD, int kM, bool kCausal, bool kCapped, typename Keys, typename LoadQueries,
          typename StoreResult, typename StoreWeight>
__device__ __forceinline__ void AttendBlock(const RowTile& tile, const Keys& keys,
                                            const Scoring& scoring, const LoadQueries& load_queries,
                                            const StoreResult& store,
                                            const StoreWeight& store_weight) {
  unsigned char* shared = DynamicShared();
  constexpr int kRow = kD + kTilePad;
  constexpr int kN = kBlockKeys / 8;
  const int warp = WarpIndex(), lane = threadIdx.x % 32;
  const int warp_row = warp * 16 * kM;

  const uint32_t queries_at = SharedAddress(shared) + static_cast<uint32_t>(warp_row * kRow) * 2;
  const uint32_t keys_at = SharedAddress(shared) + 64 * kM * kRow * 2;
  const uint32_t values_at = keys_at + kBlockKeys * kRow * 2;
  const uint32_t group_at = static_cast<uint32_t>(warp * 16 * kRow) * 2;  // this warp's 16 keys

  const TilePlace place_a = LoadPlaceOfA(lane), place_b = LoadPlaceOfB(lane),
                  place_t = LoadPlaceOfBTransposed(lane);
  const uint32_t from_queries =
      queries_at + static_cast<uint32_t>(place_a.row * kRow + place_a.column) * 2;
  const uint32_t from_keys =
      keys_at + static_cast<uint32_t>(place_b.row * kRow + place_b.column) * 2;
  const uint32_t from_values =
      values_at + static_cast<uint32_t>(place_t.row * kRow + place_t.column) * 2;

#pragma unroll
  for (int m = 0; m < kM; ++m) {
    load_queries(queries_at + m * 16 * kRow * 2, warp_row + m * 16, lane);
  }
  // Where this warp's 16 of the 64 keys from `first` on lie; from key_end on they are all zeros and
  // have no place.
  const auto find = [&](int first) {
    return first + warp * 16 < tile.key_end ? keys.Find(first / 16 + warp) : 0;
  };
  int place = find(tile.key_begin);
  const auto load = [&](const __half* from, uint32_t to, int first) {
    // Opaque, so that what depends on the lane is computed anew for each tile: kept in registers
    // over the loop it would push results out of them.
    const int own_lane = Opaque(lane);
    LoadRows16<kD, Keys::kStride>(to + group_at, from + keys.Offset(place), keys.stride(),
                                  tile.key_end - first - warp * 16, from, own_lane);
    CommitCopies();
  };
  load(keys.keys, keys_at, tile.key_begin);
  load(keys.values, values_at, tile.key_begin);

  Sums<kD, kM> sums;
  sums.Clear();
  const int lowest = kCausal ? tile.first_position + warp_row : tile.key_end - 1;
  const int highest = kCausal ? lowest + 16 * kM - 1 : lowest;
  const int window = kCausal ? scoring.window : 0;

  for (int first = tile.key_begin; first < tile.key_end; first += kBlockKeys) {
    const int next_place = find(first + kBlockKeys);
    if (first == tile.key_begin) {
      AwaitCopies<1>();  // the values may still be under way
    } else {
      AwaitCopies<0>();
    }
    __syncthreads();  // keys are here, and the last tile's values no longer needed
    if (first != tile.key_begin) load(keys.values, values_at, first);

    const bool active = warp_row < tile.rows && first <= highest &&
                        (window == 0 || first + kBlockKeys - 1 > lowest - window);
    float scores[kM][kN][4];
    if (active) {
#pragma unroll
      for (int m = 0; m < kM; ++m) {
#pragma unroll
        for (int n = 0; n < kN; ++n) {
#pragma unroll
          for (int i = 0; i < 4; ++i) scores[m][n][i] = 0;
        }
      }
#pragma unroll
      for (int step = 0; step < kD / 16; ++step) {
        uint32_t a[kM][4];
#pragma unroll
        for (int m = 0; m < kM; ++m) {
          LoadMatrices(a[m], from_queries + static_cast<uint32_t>(m * 16 * kRow + step * 16) * 2);
        }
        AddScores<kD>(scores, a, from_keys, step);
      }
    }
    AwaitCopies<0>();
    __syncthreads();  // values are here, and the keys no longer needed
    place = next_place;
    if (first + kBlockKeys < tile.key_end) load(keys.keys, keys_at, first + kBlockKeys);

    if (active) {
      if (kCapped && scoring.softcap > 0) CapScores(scores, scoring);
      if (first + kBlockKeys - 1 > lowest || (window > 0 && first <= highest - window)) {
        MaskScores(scores, first, window, lane, [&](int m, int half) {
          return kCausal ? lowest + m * 16 + half * 8 + lane / 4 : lowest;
        });
      }
      SoftmaxStep(sums, scores, scoring.multiplier);
      AddValues(sums, scores, from_values);
    }
  }

  sums.FinishWeights();
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = warp_row + m * 16 + half * 8 + lane / 4;
      if (row >= tile.rows) continue;
      const float weights = sums.weights[m][half];
      const float inverse = weights > 0 ? 1.0f / weights : 0.0f;
      if (lane % 4 == 0) store_weight(row, sums.largest[m][half], weights);
#pragma unroll
      for (int n = 0; n < kD / 8; ++n) {
        store(row, n * 8 + lane % 4 * 2, sums.values[m][n][2 * half] * inverse,
              sums.values[m][n][2 * half + 1] * inverse);
      }
    }
  }
}

// Keys of one head of a sequence's pages.
template <int kD>
struct PagedKeys {
  static constexpr int kStride = kD;
  static constexpr int kBlockElements = kPageTokens * kD;

  const __half* keys;
  const __half* values;
  const int32_t* pages;  // of the sequence
  int page_elements;
  int head_offset;

  __device__ __forceinline__ PagedKeys(const GpuKvLayer& layer, const int32_t* pages, int kv_head)
      : keys(static_cast<const __half*>(layer.keys)),
        values(static_cast<const __half*>(layer.values)),
        pages(pages),
        page_elements(static_cast<int>(layer.kv_heads) * kBlockElements),
        head_offset(kv_head * kBlockElements) {}
  __device__ __forceinline__ int Find(int group) const { return pages[group]; }
  __device__ __forceinline__ int64_t Offset(int page) const {
    return static_cast<int64_t>(page) * page_elements + head_offset;
  }
  __device__ __forceinline__ int64_t stride() const { return kD; }
};

}  // namespace footnote::kernels::cuda
