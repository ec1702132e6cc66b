// The language that a text is written in. The only file that knows CLD2 is language.cc.
#pragma once

#include <string>
#include <string_view>

namespace footnote::indexer {

// ISO 639-1 code ("de") of the language that most of `text` is in; empty when the detector is not
// sure, the text is short (under some 25 words) or of several languages, or the language has no
// such code. Looks at 32 KiB at most, half from the start and half from the middle: some 0.5 ms.
// `text` is valid UTF-8. Threads: any.
std::string DetectLanguage(std::string_view text);

}  // namespace footnote::indexer
