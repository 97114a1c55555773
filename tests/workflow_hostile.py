"""Programs that want out: each is a whole text; none may run, crash the reader, or take long."""

from workflow_parts import python

CALL = "r = await self.custom(input=problem)\n"
END = "\nreturn r['response']"

EXPRESSIONS = """\
__import__('os').system('touch PWNED')
eval('1')
exec('1')
compile('1', 'x', 'exec')
open('PWNED', 'w')
globals()
locals()
vars()
dir()
getattr(r, 'x')
setattr(self, 'x', 1)
type(r)
object()
input()
breakpoint()
help()
exit()
__builtins__
__builtins__['eval']('1')
__name__
().__class__
''.__class__.__mro__[1].__subclasses__()
r.__class__.__base__
r['response'].__class__
problem.__len__()
problem.__class__.__init__.__globals__
(lambda: 1)()
(lambda f: f(f))(lambda f: f(f))
(x := 1)
[x := 1, x]
(yield)
(yield from [])
{1, 2}
{'a': 1}
{'a': open('PWNED', 'w')}
{**r}
[*r]
(1, 2)
1 if 2 else 3 if __import__('os') else 4
[open('PWNED', 'w') for _ in [1]]
[y for y in ().__class__.__bases__]
[y for y in problem for z in y]
[y async for y in problem]
[y for y, z in [problem]]
{y for y in problem}
{y: y for y in problem}
[[y for y in __import__('os').listdir('/')]]
(y for y in open('/etc/passwd'))
f'{__import__("os").system("touch PWNED")}'
f'{open("PWNED", "w")}'
f'{problem!r}'
f'{problem:>99999999}'
f'{problem.__class__}'
f'{(lambda: 1)()}'
f'{{}}'.format.__self__
'{0.__class__}'.format(problem)
'{0.__class__.__init__.__globals__}'.format(self)
'{self.llm}'.format(self=self)
'{:>99999999999}'.format(problem)
'{!r}'.format(problem)
'{}'.format(*[1])
'{a}'.format(**{'a': 1})
'{} {}'.format(problem)
problem.format(__import__('os'))
problem.format_map({})
'%s' % problem
'a' * 999999999
'a' * 9 ** 9
2 ** 2 ** 2 ** 99
10 ** 10000000
1 << 99999999
99999999999999999999
1e999
-99999999999
1j
b'bytes'
...
None
not None
~1
+1
1 + 1j
3 / 0
3 // 0
3 % 0
r @ r
1 < 2 < 3
problem[0:9]
problem[::-1]
r[r]
r[problem]
r['a', 'b']
r[99999999999999]
problem.encode()
problem.translate({})
problem.ljust(999999999)
problem.zfill(999999999)
problem.center(99999999)
problem.expandtabs(99999999)
problem.splitlines()
problem.strip(1, 2)
problem.join
'x'.join(*[problem])
'a'.replace('a', 'b', count=3)
len(problem, problem)
len(*problem)
str(problem, encoding='x')
range(999999999)
sum([1])
max(problem)
sorted(problem)
map(str, problem)
list(range(10 ** 9))
enumerate(problem)
zip(problem)
print(problem)
isinstance(r, dict)
hash(problem)
id(problem)
memoryview(problem)
bytearray(10 ** 10)
self
self.llm
self.llm.api_key
self.__dict__
self.__class__
self.custom.llm
self.custom.__call__
self.__init__()
Workflow(1, 2, 3)
asyncio.run(problem)
asyncio.sleep(999)
asyncio.gather
operator.attrgetter('x')
os.environ
os.environ['OPENAI_API_KEY']
sys.exit()
subprocess.run('ls')
create_llm_instance(problem)
prompt_custom.__dict__
prompt_custom.x.y
await asyncio.sleep(999999)
await open('PWNED')
await problem
await asyncio.gather(asyncio.sleep(9))
await asyncio.gather(*problem)
await asyncio.gather(self.custom(input=problem), return_exceptions=True)
await self
await self.custom.fill(problem)
await self.__class__(problem)
await self._private(input=problem)
await self.custom(**r)
await self.custom(*r)
await self.custom(input=await asyncio.sleep(9))
await self.custom(input=open('PWNED', 'w'))
await self.custom(input=lambda: 1)
[await self.custom(input=problem) for _ in range(10 ** 9)]
[await self.custom(input=problem) for _ in range(999999999)]
[await self.custom(input=problem) for _ in iter(int, 1)]
[await self.custom(input=problem) for x in [1] if x]
problem and await self.custom(input=problem)
1 if problem else await self.custom(input=problem)
""".splitlines()

STATEMENTS = r"""import os
import os, sys
import os as operator
from os import system
from os import *
from . import x
from ..x import y
import importlib
from scripts.operators import __import__; import ctypes
global r
nonlocal r
del r
assert open('PWNED', 'w')
raise SystemExit
raise KeyboardInterrupt
with open('PWNED', 'w') as f: pass
async with self.llm as f: pass
async for x in problem: pass
def f(): return f()
async def f(): return 1
class A: pass
class A(metaclass=type): __del__ = exec
@exec\ndef f(): pass
try:\n    x = 1\nexcept: pass
try:\n    x = 1\nfinally: pass
match problem:\n    case _: pass
while 1: pass
while True: pass
while True: r = await self.custom(input=problem)
while r['response'] == r['response']: pass
while not (x := 0): pass
for x in iter(int, 1): pass
for x in range(10 ** 9): pass
for x in range(999999999): pass
for x in range(-1): pass
for x, y in [problem]: pass
for self.x in [problem]: pass
for r['response'] in [problem]: pass
for x in [1]: continue
for x in range(2): pass\nelse: pass
x = y = z = open
x, y = problem
x, *y = problem
(x) = (y) = 1
[x] = [problem]
x.y = 1
self.custom = exec
self.llm = None
r['response'] = '42'
r.__class__ = str
x: __import__('os') = 1
x -= 1
x *= 99
x **= 9999
__builtins__ = 1
__x = 1
_ = exec
é = 1
return
return None
return 42
return '42'
return problem
return (lambda: '42')()
return '42', '43'
return *problem, 1
return self
return r
yield r
await r
r
r.response
r()
;
x = 'unfinished
x = (
x = \
""".splitlines()


def _shapes():
    """What stands around or beside the class, and what is large or deep."""
    good = python(CALL + END)
    yield good.replace("class Workflow:", "@exec\nclass Workflow:")
    yield good.replace("class Workflow:", "class Workflow(type):")
    yield good.replace("class Workflow:", "class Workflow(metaclass=exec):")
    yield good + "\nimport os\nos.system('touch PWNED')\n"
    yield good + "\nx = open('PWNED', 'w')\n"
    yield good + "\nif True:\n    import os\n"
    yield good + "\nWorkflow.__call__ = exec\n"
    yield good + "\n    def __getattr__(self, name): return exec\n"
    yield good + "\n    x = __import__('os')\n"
    yield good.replace("self.custom = Custom(self.llm)", "self.custom = exec(self.llm)")
    yield good.replace("self.custom = Custom(self.llm)", "self.custom = Custom(open('PWNED'))")
    yield good.replace("self.custom = Custom(self.llm)", "__import__('os').system('x')")
    yield good.replace(
        "dataset):", "dataset=__import__('os').system('touch PWNED')):\n        pass"
    )
    yield good.replace("(self, problem)", "(self, problem=open('PWNED', 'w'))")
    yield good.replace("(self, problem)", "(self, problem, *args, **kwargs)")
    yield good.replace("(self, problem)", "(self, problem: exec('x')) -> open('PWNED', 'w')") + "("
    yield good.replace("TASK", "x") + "\nTASK_PROMPT = open('/etc/passwd').read()\n"
    yield good + "\nP = f'{open(1)}'\n"
    yield python(CALL + "x = " + "(" * 5000 + "1" + ")" * 5000 + END)
    yield python(CALL + "x = " + "[" * 90 + "]" * 90 + END)
    yield python(CALL + "x = " + "not " * 3000 + "True" + END)
    yield python(CALL + "x = " + "-" * 9000 + "1" + END)
    yield python(CALL + "x = " + "1" + "+1" * 3000 + END)
    yield python(CALL + "x = r" + "['a']" * 2000 + END)
    yield python(CALL + "x = " + "9" * 9000 + END)
    yield python(CALL + "x = 'a" + "b" * 100_000 + "'" + END)
    yield python(CALL + "x = 1\n" * 9000 + END)
    yield python(CALL + "x = []\n" + "x = [x, x]\n" * 300 + END)
    yield python(
        CALL + "".join(" " * i + "if True:\n" for i in range(90)) + " " * 90 + "pass" + END
    )
    yield python(CALL + "".join("    " * i + f"for i{i} in range(5):\n" for i in range(12))
                 + "    " * 12 + "pass" + END)  # fmt: skip
    yield python(CALL + "for a in range(5):\n    for b in range(5):\n        " + CALL + END)
    yield "```python\n" * 20_000
    yield "`" * 200_000
    yield "(" * 20_000
    yield "{" * 20_000
    yield "if True " + "{" * 300
    yield "Custom -> (" * 300
    yield "[" * 5_000
    yield "Custom*999999999999"
    yield "(Custom)*99"
    yield "((((Custom)*5)*5)*5)*5"
    yield "loop 999999999 { x = Custom(input=problem) }\nreturn x['response']"
    yield "x := open('PWNED', 'w')\nreturn x"
    yield "x := ().__class__\nreturn x"
    yield "x = Custom(input=__import__('os').system('touch PWNED'))\nreturn x['response']"
    yield "task f'{open(1)}'\nCustom"
    yield "prompt __x = 'a'\nCustom"
    yield "given __import__\nCustom"
    yield "Custom ? (Custom ? (Custom ? stop : done) : done) : __import__"
    yield "class Workflow:\n" + "\t" * 5000 + "x"
    yield python(CALL + "\x00" + END)
    yield python(CALL + "\uff45val(problem)" + END)
    yield "\ud800"


HOSTILE = [
    *(python(CALL + f"x = {text}" + END) for text in EXPRESSIONS),
    *(python(CALL + text.replace("\\n", "\n") + END) for text in STATEMENTS),
    *_shapes(),
]
