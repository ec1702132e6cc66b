#include "server/commands/signals.h"

#include <semaphore.h>

#include <cerrno>
#include <csignal>
#include <semaphore>
#include <thread>

namespace footnote::server {
namespace {

// A handler, and not a thread in sigwait behind a mask: OpenBLAS starts threads before main, which
// block nothing, and a signal that one of those gets would end the process. A handler may do
// little; posting a semaphore is allowed.
sem_t arrived;

void OnSignal(int /*signal*/) {
  const int saved = errno;
  sem_post(&arrived);
  errno = saved;
}

void SetHandler(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

std::stop_source& Source() {
  // Never destroyed: the thread below outlives main's statics.
  static std::stop_source& source = *[] {
    auto* made = new std::stop_source;
    sem_init(&arrived, /*pshared=*/0, 0);
    SetHandler(OnSignal);
    std::thread([made] {
      while (sem_wait(&arrived) != 0 && errno == EINTR) {
      }
      SetHandler(SIG_DFL);
      made->request_stop();
    }).detach();
    return made;
  }();
  return source;
}

}  // namespace

std::stop_token StopOnSignals() { return Source().get_token(); }

void WaitForStop(const std::stop_token& stop) {
  std::binary_semaphore stopped(0);
  const std::stop_callback callback(stop, [&] { stopped.release(); });
  stopped.acquire();
}

}  // namespace footnote::server
