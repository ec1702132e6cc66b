#include "server/admission.h"

#include <string>
#include <utility>

namespace footnote::server {

std::string_view WorkKindName(WorkKind kind) {
  constexpr std::string_view kNames[kWorkKinds] = {"answer", "search", "read", "write"};
  return kNames[static_cast<int>(kind)];
}

Admission::Admission(const AdmissionLimits& limits) {
  for (int i = 0; i < kWorkKinds; ++i) {
    Lane& lane = lanes_[static_cast<size_t>(i)];
    lane.limit = limits.lanes[static_cast<size_t>(i)].queued;
    for (int t = 0; t < limits.lanes[static_cast<size_t>(i)].threads; ++t) {
      threads_.emplace_back([this, &lane] { Work(lane); });
    }
  }
}

Admission::~Admission() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Status Admission::Submit(WorkKind kind, std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (draining_) {
      return UnavailableError("the server is shutting down: try again when it is back");
    }
    Lane& lane = lanes_[static_cast<size_t>(kind)];
    // A free thread takes the work at once, so it does not count as waiting.
    if (static_cast<int>(lane.queue.size()) >= lane.limit) {
      ++lane.load.refused;
      return ResourceExhaustedError("too many calls of the kind \"" +
                                    std::string(WorkKindName(kind)) + "\" are waiting (" +
                                    std::to_string(lane.limit) + "): try again in a second");
    }
    lane.queue.push_back(std::move(work));
    lane.load.queued = static_cast<int>(lane.queue.size());
  }
  wake_.notify_all();
  return OkStatus();
}

void Admission::Work(Lane& lane) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !lane.queue.empty(); });
    if (lane.queue.empty()) return;
    std::function<void()> work = std::move(lane.queue.front());
    lane.queue.pop_front();
    lane.load.queued = static_cast<int>(lane.queue.size());
    ++lane.load.running;
    lock.unlock();
    work();
    work = nullptr;  // what it holds goes before the call counts as done
    lock.lock();
    --lane.load.running;
    idle_.notify_all();
  }
}

void Admission::BeginDrain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

bool Admission::WaitIdle(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, patience, [this] {
    for (const Lane& lane : lanes_) {
      if (lane.load.running > 0 || !lane.queue.empty()) return false;
    }
    return true;
  });
}

Admission::Load Admission::load(WorkKind kind) const {
  const std::lock_guard lock(mutex_);
  return lanes_[static_cast<size_t>(kind)].load;
}

}  // namespace footnote::server
