#include "common/local_time.h"

#include <array>
#include <chrono>

namespace footnote {
namespace {

constexpr char kForm[] = "%Y-%m-%dT%H:%M:%S";

std::string Text(const std::tm& time) {
  std::array<char, 64> buffer;
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), kForm, &time)};
}

}  // namespace

std::string LocalTimeText() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local = {};
  localtime_r(&now, &local);
  return Text(local);
}

StatusOr<std::tm> ParseLocalTime(std::string_view text) {
  std::tm time = {};
  const std::string whole(text);
  if (strptime(whole.c_str(), kForm, &time) != nullptr) {
    // No zone, so UTC's rules do: they fill in the weekday and take 31 April for 1 May.
    const std::time_t seconds = timegm(&time);
    gmtime_r(&seconds, &time);
    time.tm_zone = "";
    if (Text(time) == whole) return time;
  }
  return InvalidArgumentError("the time \"" + whole + "\" is not of the form 2026-05-12T09:30:00");
}

}  // namespace footnote
