// A backend supplies all that FieldBackend lists: over one that lacks a part, there must be no elements.
#include "field/backend_portable.h"
#include "field/element.h"

namespace {

using namespace assay::field;

#ifdef MUST_FAIL
struct Backend {
  template <class P>
  static Limbs multiply(const Limbs& a, const Limbs& b) {
    return PortableBackend::multiply<P>(a, b);
  }
  template <class P>
  static Limbs add(const Limbs& a, const Limbs& b) {
    return PortableBackend::add<P>(a, b);
  }
  template <class P>
  static Limbs subtract(const Limbs& a, const Limbs& b) {
    return PortableBackend::subtract<P>(a, b);
  }
};
#else
using Backend = PortableBackend;
#endif

using F = Element<FpParameters, Backend>;

}  // namespace

bool is_one(const F& x);
bool is_one(const F& x) { return x == F::one(); }
