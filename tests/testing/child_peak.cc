#include "tests/testing/child_peak.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace footnote::testing {

StatusOr<uint64_t> PeakBytesOf(const std::function<Status()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) return ErrnoError("cannot make a pipe", errno);
  const pid_t child = ::fork();
  if (child < 0) return ErrnoError("cannot fork", errno);
  if (child == 0) {
    ::close(ends[0]);
    const std::string error = work().message();
    // NOLINTNEXTLINE(bugprone-unused-return-value): the exit code tells as much
    if (::write(ends[1], error.data(), error.size()) < 0) ::_exit(2);
    ::_exit(error.empty() ? 0 : 1);  // no destructors of what the parent owns
  }
  ::close(ends[1]);
  std::string error;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    error.append(buffer, static_cast<size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  struct rusage usage {};
  if (::wait4(child, &status, 0, &usage) != child) return ErrnoError("cannot wait", errno);
  if (!error.empty()) return InternalError("in the child: " + error);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return InternalError("the child ended with status " + std::to_string(status));
  }
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

bool MemoryCanBeMeasured() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return true;
#endif
}

}  // namespace footnote::testing
