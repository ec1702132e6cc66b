// cuBLASLt behind dlopen.
#include "kernels/cuda/cublas_lt.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <map>

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#define FOOTNOTE_HAVE_CUBLASLT
#endif

#ifndef FOOTNOTE_CUDA_LIBRARY_DIR
#define FOOTNOTE_CUDA_LIBRARY_DIR ""
#endif

namespace footnote::kernels::cuda {

#ifndef FOOTNOTE_HAVE_CUBLASLT
std::unique_ptr<CublasLt> CublasLt::Create(std::string* problem) {
  *problem = "built without cublasLt.h";
  return nullptr;
}
#else
namespace {

// The functions we call, by their types in the header.
struct Api {
  decltype(&::cublasLtCreate) create;
  decltype(&::cublasLtDestroy) destroy;
  decltype(&::cublasLtMatmul) matmul;
  decltype(&::cublasLtMatmulDescCreate) desc_create;
  decltype(&::cublasLtMatmulDescDestroy) desc_destroy;
  decltype(&::cublasLtMatmulDescSetAttribute) desc_set;
  decltype(&::cublasLtMatrixLayoutCreate) layout_create;
  decltype(&::cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&::cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&::cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&::cublasLtMatmulPreferenceSetAttribute) preference_set;
  decltype(&::cublasLtMatmulAlgoGetHeuristic) heuristic;
};

void* Open(std::string* problem) {
  const std::string name = "libcublasLt.so." + std::to_string(CUDART_VERSION / 1000);
  const std::string built_with = FOOTNOTE_CUDA_LIBRARY_DIR;
  for (const std::string& path : {name, built_with.empty() ? name : built_with + "/" + name,
                                  "/usr/local/cuda/lib64/" + name, "/usr/local/cuda/lib/" + name}) {
    if (void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    if (problem->empty()) *problem = dlerror();
  }
  return nullptr;
}

template <typename Function>
bool Find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  return *function != nullptr;
}

bool FindAll(void* library, Api* api) {
  return Find(library, "cublasLtCreate", &api->create) &&
         Find(library, "cublasLtDestroy", &api->destroy) &&
         Find(library, "cublasLtMatmul", &api->matmul) &&
         Find(library, "cublasLtMatmulDescCreate", &api->desc_create) &&
         Find(library, "cublasLtMatmulDescDestroy", &api->desc_destroy) &&
         Find(library, "cublasLtMatmulDescSetAttribute", &api->desc_set) &&
         Find(library, "cublasLtMatrixLayoutCreate", &api->layout_create) &&
         Find(library, "cublasLtMatrixLayoutDestroy", &api->layout_destroy) &&
         Find(library, "cublasLtMatmulPreferenceCreate", &api->preference_create) &&
         Find(library, "cublasLtMatmulPreferenceDestroy", &api->preference_destroy) &&
         Find(library, "cublasLtMatmulPreferenceSetAttribute", &api->preference_set) &&
         Find(library, "cublasLtMatmulAlgoGetHeuristic", &api->heuristic);
}

cudaDataType_t TypeOf(DType dtype) {
  return dtype == DType::kF32 ? CUDA_R_32F : dtype == DType::kF16 ? CUDA_R_16F : CUDA_R_16BF;
}

// The largest power of two, at most 256, that divides the address.
uint32_t Alignment(const void* pointer) {
  const auto bits = reinterpret_cast<uintptr_t>(pointer) | 256u;
  return static_cast<uint32_t>(bits & (~bits + 1));
}

class Loaded final : public CublasLt {
 public:
  Loaded(const Api& api, cublasLtHandle_t handle) : api_(api), handle_(handle) {}
  ~Loaded() override {
    Clear();
    api_.destroy(handle_);
  }

  int Multiply(const LtProduct& p, void* workspace, cudaStream_t stream) override {
    const Key key = {static_cast<int64_t>(p.type),
                     static_cast<int64_t>(p.out_type),
                     p.tokens,
                     p.rows,
                     p.columns,
                     p.w_stride,
                     p.x_stride,
                     p.out_stride,
                     p.bias != nullptr ? 1 : 0,
                     p.add ? 1 : 0,
                     Alignment(p.w),
                     Alignment(p.x),
                     Alignment(p.out)};
    auto found = plans_.find(key);
    if (found == plans_.end()) {
      constexpr size_t kMostPlans = 4096;  // lengths of prompts vary
      if (plans_.size() >= kMostPlans) Clear();
      Plan plan;
      const bool made = Make(p, &plan);
      if (!made) Destroy(&plan);
      plan.usable = made;
      found = plans_.emplace(key, plan).first;
    }
    Plan& plan = found->second;
    if (!plan.usable) return cudaErrorNotSupported;
    if (p.bias != nullptr) {
      const void* bias = p.bias;
      if (api_.desc_set(plan.desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias) !=
          CUBLAS_STATUS_SUCCESS) {
        return cudaErrorUnknown;
      }
    }
    const float beta = p.add ? 1.0f : 0.0f;
    const cublasStatus_t status =
        api_.matmul(handle_, plan.desc, &p.factor, p.w, plan.w, p.x, plan.x, &beta, p.out, plan.out,
                    p.out, plan.out, &plan.algorithm, workspace, kWorkspaceBytes, stream);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) {
      plan.usable = false;
      return cudaErrorNotSupported;
    }
    return status == CUBLAS_STATUS_SUCCESS ? cudaSuccess : cudaErrorUnknown;
  }

 private:
  using Key = std::array<int64_t, 13>;
  struct Plan {
    cublasLtMatmulDesc_t desc = nullptr;
    cublasLtMatrixLayout_t w = nullptr, x = nullptr, out = nullptr;
    cublasLtMatmulAlgo_t algorithm{};
    bool usable = false;
  };

  // To the library everything is column-major: out [N, T] = w [K, N] transposed * x [K, T].
  bool Make(const LtProduct& p, Plan* plan) {
    const cublasOperation_t transposed = CUBLAS_OP_T;
    const auto in = TypeOf(p.type), out = TypeOf(p.out_type);
    if (api_.desc_create(&plan->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) != CUBLAS_STATUS_SUCCESS ||
        api_.desc_set(plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed) !=
            CUBLAS_STATUS_SUCCESS) {
      return false;
    }
    if (p.bias != nullptr) {
      const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
      const void* bias = p.bias;
      if (api_.desc_set(plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue) !=
              CUBLAS_STATUS_SUCCESS ||
          api_.desc_set(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias) !=
              CUBLAS_STATUS_SUCCESS) {
        return false;
      }
    }
    const auto size = [](int64_t n) { return static_cast<uint64_t>(n); };
    if (api_.layout_create(&plan->w, in, size(p.columns), size(p.rows), p.w_stride) !=
            CUBLAS_STATUS_SUCCESS ||
        api_.layout_create(&plan->x, in, size(p.columns), size(p.tokens), p.x_stride) !=
            CUBLAS_STATUS_SUCCESS ||
        api_.layout_create(&plan->out, out, size(p.rows), size(p.tokens), p.out_stride) !=
            CUBLAS_STATUS_SUCCESS) {
      return false;
    }
    cublasLtMatmulPreference_t preference = nullptr;
    if (api_.preference_create(&preference) != CUBLAS_STATUS_SUCCESS) return false;
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
      return api_.preference_set(preference, attribute, &value, sizeof value) ==
             CUBLAS_STATUS_SUCCESS;
    };
    const size_t workspace = kWorkspaceBytes;
    // Parts of split sums go to the workspace and are added in order.
    const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const uint32_t of_w = Alignment(p.w), of_x = Alignment(p.x), of_out = Alignment(p.out);
    cublasLtMatmulHeuristicResult_t result{};
    int count = 0;
    const bool found = prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace) &&
                       prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, schemes) &&
                       prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, of_w) &&
                       prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, of_x) &&
                       prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, of_out) &&
                       prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, of_out) &&
                       api_.heuristic(handle_, plan->desc, plan->w, plan->x, plan->out, plan->out,
                                      preference, 1, &result, &count) == CUBLAS_STATUS_SUCCESS &&
                       count > 0 && result.state == CUBLAS_STATUS_SUCCESS;
    api_.preference_destroy(preference);
    plan->algorithm = result.algo;
    return found;
  }

  void Destroy(Plan* plan) {
    if (plan->desc != nullptr) api_.desc_destroy(plan->desc);
    for (cublasLtMatrixLayout_t layout : {plan->w, plan->x, plan->out}) {
      if (layout != nullptr) api_.layout_destroy(layout);
    }
    *plan = Plan();
  }
  void Clear() {
    for (auto& [key, plan] : plans_) Destroy(&plan);
    plans_.clear();
  }

  Api api_;
  cublasLtHandle_t handle_;
  std::map<Key, Plan> plans_;
};

}  // namespace

std::unique_ptr<CublasLt> CublasLt::Create(std::string* problem) {
  problem->clear();
  void* library = Open(problem);  // stays open: other objects use it too
  if (library == nullptr) return nullptr;
  Api api{};
  if (!FindAll(library, &api)) {
    *problem = "libcublasLt lacks a function";
    return nullptr;
  }
  cublasLtHandle_t handle = nullptr;
  if (const cublasStatus_t status = api.create(&handle); status != CUBLAS_STATUS_SUCCESS) {
    *problem = "cublasLtCreate failed with status " + std::to_string(status);
    return nullptr;
  }
  problem->clear();
  return std::make_unique<Loaded>(api, handle);
}
#endif

}  // namespace footnote::kernels::cuda
