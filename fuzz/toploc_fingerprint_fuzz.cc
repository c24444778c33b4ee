// Decodes a fingerprint: what is taken has one encoding, and compares with one of our own states without a
// crash.
#include <algorithm>

#include "assay/toploc_fingerprint.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  using namespace assay::toploc;
  const ByteSpan bytes(data, size);
  const Result<Fingerprint> theirs = Fingerprint::decode(bytes, "fuzz");
  if (!theirs.ok()) return 0;
  ASSAY_CHECK(theirs->validate().ok(), theirs->validate().error().to_string());
  ASSAY_CHECK(std::ranges::equal(theirs->encode(), bytes), to_hex(theirs->encode()));
  const std::vector<float> states{1, -2, 3, 0.5F, 0, -1, 2, 4};
  Profile profile = Profile::published();
  profile.fingerprint_distance = 0.1;
  const Verdict verdict = toploc::verify(*theirs, {states, 4}, Digest{}, 3, profile).value();
  if (!verdict.ok()) return 0;
  const Fingerprint own = Fingerprint::project(states, 4, Digest{}, 3).value();
  ASSAY_CHECK_LE(toploc::distance(*theirs, own).value(), 0.1);
  return 0;
}
