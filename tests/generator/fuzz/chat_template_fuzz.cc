// A model's chat template, and rendering with it.
#include "generator/chat_template.h"

#include "tests/generator/fuzz/mutate.h"

using namespace footnote::generator;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto made = ChatTemplate::FromModelTemplate({reinterpret_cast<const char*>(data), size});
  if (!made.ok()) return 0;
  const std::vector<ChatMessage> conversation = {{"system", "Be brief."},
                                                 {"user", "What is <|im_end|> {{ x }}?"},
                                                 {"assistant", " A token. "},
                                                 {"user", ""}};
  for (const bool prompt : {false, true}) {
    (*made)->Render(conversation, prompt).status().IgnoreError();
    (*made)
        ->Render({conversation.begin() + 1, conversation.begin() + 2}, prompt)
        .status()
        .IgnoreError();
    (*made)->Render({}, prompt).status().IgnoreError();
  }
  return 0;
}
