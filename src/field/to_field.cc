#include "field/to_field.h"

#include <type_traits>

#include "base/check.h"
#include "base/threads.h"

namespace assay {

void to_field(IntegerView values, std::span<Fr> out) {
  ASSAY_CHECK_EQ(values.size(), out.size());
  values.visit([&](const auto& span) {
    parallel_for(0, out.size(), 1024, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(span[i])>, Scalar>)
          out[i] = Fr::from_scalar(span[i]);
        else
          out[i] = Fr::from_i64(span[i]);
      }
    });
  });
}

}  // namespace assay
