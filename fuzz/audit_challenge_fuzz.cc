// A challenge from any bytes: refused, or written as the same bytes; whatever it asks of a run is rows that
// the run has, by wire.
#include <algorithm>

#include "assay/audit_challenge.h"
#include "base/check.h"

using namespace assay;
using namespace assay::audit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan bytes(data, size);
  const Result<Challenge> challenge = Challenge::decode(bytes, "fuzz");
  if (!challenge.ok()) {
    ASSAY_CHECK(challenge.error().place.starts_with("fuzz"), challenge.error().place);
    return 0;
  }
  ASSAY_CHECK(std::ranges::equal(challenge->encode(), bytes), to_hex(challenge->encode()));
  Head head;
  head.steps = 4;
  for (std::uint32_t b = 0; b < 3; ++b)
    for (const Role role : {Role::kResidual, Role::kK, Role::kOInput})
      head.wires.push_back({{b, role}, RowDtype::kBF16, 8});
  for (std::uint64_t step = 0; step < head.steps; ++step) {
    const std::vector<Asked> asked = asked_of(*challenge, head, step);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      ASSAY_CHECK_LT(asked[i].wire, head.wires.size());
      if (i > 0) ASSAY_CHECK_LT(asked[i - 1].wire, asked[i].wire);
    }
  }
  return 0;
}
