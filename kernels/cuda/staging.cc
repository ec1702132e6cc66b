#include "kernels/cuda/staging.h"

#include <algorithm>
#include <cstring>

#include "kernels/cuda/checked.h"

namespace footnote::kernels::cuda {

Staging::~Staging() {
  cudaStreamSynchronize(stream_);
  for (Slot& slot : slots_) {
    if (slot.free != nullptr) cudaEventDestroy(slot.free);
    if (slot.data != nullptr) cudaFreeHost(slot.data);
  }
}

Status Staging::Prepare() {
  if (ready_) return OkStatus();
  for (Slot& slot : slots_) {
    if (slot.data == nullptr) {
      FOOTNOTE_RETURN_IF_ERROR(
          StatusOf(cudaMallocHost(&slot.data, kSlotBytes), "pinned memory for copies"));
    }
    if (slot.free == nullptr) {
      FOOTNOTE_RETURN_IF_ERROR(
          StatusOf(cudaEventCreateWithFlags(&slot.free, cudaEventDisableTiming), "an event"));
    }
  }
  ready_ = true;
  return OkStatus();
}

Status Staging::In(void* device, const void* host, size_t bytes) {
  FOOTNOTE_RETURN_IF_ERROR(Prepare());
  for (size_t done = 0; done < bytes;) {
    const size_t piece = std::min(kSlotBytes, bytes - done);
    Slot& slot = slots_[next_];
    next_ = (next_ + 1) % kSlots;
    FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaEventSynchronize(slot.free), "waiting for a copy"));
    std::memcpy(slot.data, static_cast<const char*>(host) + done, piece);
    FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaMemcpyAsync(static_cast<char*>(device) + done, slot.data,
                                                      piece, cudaMemcpyHostToDevice, stream_),
                                      "a copy to the GPU"));
    FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaEventRecord(slot.free, stream_), "an event"));
    done += piece;
  }
  return OkStatus();
}

// The copy of a piece runs while the one before it is moved on.
Status Staging::Out(void* host, const void* device, size_t bytes) {
  FOOTNOTE_RETURN_IF_ERROR(Prepare());
  const size_t pieces = (bytes + kSlotBytes - 1) / kSlotBytes;
  const auto bytes_of = [&](size_t piece) {
    return std::min(kSlotBytes, bytes - piece * kSlotBytes);
  };
  const int first = next_;
  const auto slot_of = [&](size_t piece) -> Slot& {
    return slots_[(static_cast<size_t>(first) + piece) % kSlots];
  };
  for (size_t piece = 0; piece <= pieces; ++piece) {
    if (piece < pieces) {
      Slot& slot = slot_of(piece);
      FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaEventSynchronize(slot.free), "waiting for a copy"));
      FOOTNOTE_RETURN_IF_ERROR(
          StatusOf(cudaMemcpyAsync(slot.data, static_cast<const char*>(device) + piece * kSlotBytes,
                                   bytes_of(piece), cudaMemcpyDeviceToHost, stream_),
                   "a copy from the GPU"));
      FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaEventRecord(slot.free, stream_), "an event"));
    }
    if (piece > 0) {
      Slot& slot = slot_of(piece - 1);
      FOOTNOTE_RETURN_IF_ERROR(StatusOf(cudaEventSynchronize(slot.free), "waiting for the GPU"));
      std::memcpy(static_cast<char*>(host) + (piece - 1) * kSlotBytes, slot.data,
                  bytes_of(piece - 1));
    }
  }
  next_ = static_cast<int>((static_cast<size_t>(first) + pieces) % kSlots);
  // A copy of nothing waits too.
  return pieces == 0 ? StatusOf(cudaStreamSynchronize(stream_), "waiting for the GPU") : OkStatus();
}

}  // namespace footnote::kernels::cuda
