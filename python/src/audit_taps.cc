// Taps of a recorder that are told by the native hook: a row costs its copy and little else.
#include <algorithm>
#include <array>

#include "audit.h"
#include "hooks.h"

namespace assay::python {
namespace {

using audit::Recorder;
using audit::RowDtype;

/// Of so many bytes, copying is worth letting other threads of Python run.
constexpr std::uint64_t kLargeCopy = std::uint64_t{1} << 20;

nb::object name(const char* text) { return nb::steal(PyUnicode_InternFromString(text)); }

/// What the tensors of torch are asked, by names that are made once.
struct Names {
  nb::object shape = name("shape");
  nb::object dtype = name("dtype");
  nb::object is_cpu = name("is_cpu");
  nb::object is_contiguous = name("is_contiguous");
  nb::object data_ptr = name("data_ptr");
};

nb::object attribute(nb::handle object, const nb::object& name) {
  PyObject* found = PyObject_GetAttr(object.ptr(), name.ptr());
  if (found == nullptr) throw nb::python_error();
  return nb::steal(found);
}

nb::object call(nb::handle object, const nb::object& name) {
  PyObject* found = PyObject_CallMethodNoArgs(object.ptr(), name.ptr());
  if (found == nullptr) throw nb::python_error();
  return nb::steal(found);
}

/// The pass of a model that is under way, for all taps of one observer: which rows are whose depends on how
/// many of each sequence a tensor has.
class Pass {
 public:
  /// `place` gives the placement for so many rows of each sequence, or None where they are nobody's.
  Pass(nb::object recorder, nb::object place, const std::vector<std::pair<nb::object, std::string>>& dtypes)
      : recorder_(nb::cast<Recorder*>(recorder)), owner_(std::move(recorder)), place_(std::move(place)) {
    for (const auto& [dtype, text] : dtypes) {
      const std::optional<RowDtype> known = audit::row_dtype_of(text);
      if (known) dtypes_.emplace_back(dtype, *known);
    }
  }

  void begin(std::uint64_t sequences, std::uint64_t fed) {
    ++number;
    sequences_ = sequences;
    fed_ = fed;
    placed_.clear();
  }

  /// Records what is laid out as most tensors are; false: it is another, and nothing was recorded.
  bool record(const audit::Wire& wire, nb::handle tensor, bool whole);

  std::uint64_t number = 0;

 private:
  struct Placed {
    std::uint64_t each;
    nb::object object;  // keeps it alive
    const Placement* placement;
  };

  const Placement* placement_of(std::uint64_t each) {
    for (const Placed& one : placed_)
      if (one.each == each) return one.placement;
    nb::object made = place_(each);
    const Placement* placement = made.is_none() ? nullptr : nb::cast<const Placement*>(made);
    placed_.push_back({each, std::move(made), placement});
    return placement;
  }

  const Names names_;
  Recorder* const recorder_;
  const nb::object owner_;
  const nb::object place_;
  std::vector<std::pair<nb::object, RowDtype>> dtypes_;
  std::uint64_t sequences_ = 0;
  std::uint64_t fed_ = 0;
  std::vector<Placed> placed_;
};

bool Pass::record(const audit::Wire& wire, nb::handle tensor, bool whole) {
  const nb::object shape = attribute(tensor, names_.shape);
  const Py_ssize_t axes = PyTuple_Size(shape.ptr());
  if (axes != 2 && axes != 3) return false;
  std::array<std::uint64_t, 3> sizes{};
  for (Py_ssize_t i = 0; i < axes; ++i) sizes[i] = PyLong_AsUnsignedLongLong(PyTuple_GetItem(shape.ptr(), i));
  // As Run does it: rows of all sequences on one axis, or with an axis of their own; of some taps the last
  // tokens may be all there is.
  std::uint64_t each = fed_;
  if (axes == 2) {
    if (sizes[0] != sequences_ * fed_) return false;
  } else {
    each = sizes[1];
    if (sizes[0] != sequences_ || each > fed_ || (whole && each != fed_)) return false;
  }
  const nb::object dtype = attribute(tensor, names_.dtype);
  const auto known = std::ranges::find_if(dtypes_, [&](const auto& one) { return one.first.is(dtype); });
  if (known == dtypes_.end()) return false;
  if (attribute(tensor, names_.is_cpu).ptr() != Py_True) return false;
  if (call(tensor, names_.is_contiguous).ptr() != Py_True) return false;
  const Placement* const placement = placement_of(each);
  if (placement == nullptr) return true;
  const std::uint64_t rows = axes == 2 ? sizes[0] : sizes[0] * sizes[1];
  const std::uint64_t row_bytes = sizes[axes - 1] * audit::size_of(known->second);
  const auto* const data =
      static_cast<const std::uint8_t*>(PyLong_AsVoidPtr(call(tensor, names_.data_ptr).ptr()));
  if (data == nullptr) return false;
  const auto copy = [&] { recorder_->record(wire, known->second, data, rows, row_bytes, placement->spans); };
  if (rows * row_bytes >= kLargeCopy)
    without_gil(copy);
  else
    copy();
  return true;
}

/// One wire of a run of a model.
class Tap : public TensorTaker {
 public:
  /// `otherwise` is told, as (tensor, again), what is not laid out as most tensors are, and what comes a
  /// second time in one pass.
  Tap(nb::object pass, std::optional<std::uint32_t> block, const std::string& role, bool whole,
      nb::object otherwise)
      : pass_(nb::cast<Pass*>(pass)),
        owner_(std::move(pass)),
        wire_{block.value_or(audit::Wire::kNoBlock), to_role(role)},
        whole_(whole),
        otherwise_(std::move(otherwise)) {}

  void take(nb::handle tensor) override {
    const bool again = told_ == pass_->number;
    told_ = pass_->number;
    if (again || !record(tensor)) otherwise_(tensor, again);
  }

 private:
  bool record(nb::handle tensor) {
    try {
      return pass_->record(wire_, tensor, whole_);
    } catch (const nb::python_error&) {
      return false;
    }
  }

  Pass* const pass_;
  const nb::object owner_;
  const audit::Wire wire_;
  const bool whole_;
  const nb::object otherwise_;
  std::uint64_t told_ = 0;
};

}  // namespace

void bind_audit_taps(nb::module_& m) {
  nb::class_<Pass>(m, "AuditPass")
      .def(nb::init<nb::object, nb::object, const std::vector<std::pair<nb::object, std::string>>&>(),
           nb::arg("recorder"), nb::arg("place"), nb::arg("dtypes"))
      .def("begin", &Pass::begin, nb::arg("sequences"), nb::arg("fed"));
  nb::class_<Tap, TensorTaker>(m, "AuditTap")
      .def(nb::init<nb::object, std::optional<std::uint32_t>, const std::string&, bool, nb::object>(),
           nb::arg("pass_"), nb::arg("block").none(), nb::arg("role"), nb::arg("whole"),
           nb::arg("otherwise"));
}

}  // namespace assay::python
