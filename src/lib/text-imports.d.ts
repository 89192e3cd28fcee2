declare module "*.sql" {
  const text: string
  export default text
}
declare module "*Dockerfile" {
  const text: string
  export default text
}
declare module "*.md" {
  const text: string
  export default text
}
declare module "*.bash" {
  const text: string
  export default text
}
declare module "*.zsh" {
  const text: string
  export default text
}
declare module "*.fish" {
  const text: string
  export default text
}
declare module "*.lua" {
  const text: string
  export default text
}
declare module "*.py" {
  const text: string
  export default text
}
