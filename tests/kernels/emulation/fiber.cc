// A switch by hand where we know how: swapcontext asks the kernel for the signal mask each time,
// which takes fifty times as long, and an emulated warp switches with every instruction.
#include "tests/kernels/emulation/fiber.h"

#include <cstdint>

namespace emulation {

#if defined(__x86_64__)

// Saves what calls keep (rbx, rbp, r12 to r15) on the stack, whose top goes to *from, and goes on
// with what lies on the stack `to`.
extern "C" void emulation_switch(void** from, void* to);
asm(R"(
.text
.type emulation_switch, @function
emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size emulation_switch, . - emulation_switch
)");

void Fiber::Start(void (*entry)()) {
  if (stack_ == nullptr) stack_ = std::make_unique<char[]>(kStackBytes);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(stack_.get()) + kStackBytes) / 16 * 16;
  auto* top = reinterpret_cast<uintptr_t*>(end) - 8;  // six registers, where to, an end to returns
  for (int i = 0; i < 8; ++i) top[i] = 0;
  top[6] = reinterpret_cast<uintptr_t>(entry);
  top_ = top;
}

void Fiber::GoOn(Fiber* from) { emulation_switch(&from->top_, top_); }

#else

void Fiber::Start(void (*entry)()) {
  if (stack_ == nullptr) stack_ = std::make_unique<char[]>(kStackBytes);
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
}

void Fiber::GoOn(Fiber* from) { swapcontext(&from->context_, &context_); }

#endif

}  // namespace emulation
