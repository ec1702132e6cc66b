// The time of day and date as a text that can be kept: for prompts that tell the model what day it
// is.
//
// Without a zone, as chat templates write it. Threads: any.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote {

// This machine's clock in its time zone, "2026-05-12T09:30:00".
std::string LocalTimeText();

// Reads what LocalTimeText writes, with the day of the week and of the year. Errors:
// INVALID_ARGUMENT names the form.
StatusOr<std::tm> ParseLocalTime(std::string_view text);

}  // namespace footnote
